"""`alonzo cost` and `alonzo tune`, against a running server."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.invoking import invoke
from tests.support.server import ALONZO, Server
from tests.support.waiting import eventually

_SLEEPS = "import time\ndef handler(event, context):\n    time.sleep(event.get('seconds', 0))\n    return event['answer']\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alonzo")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[Server]:
    with Server.start(data_directory=directory) as running:
        yield running


def run(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ALONZO, *arguments], env=server.environment(), capture_output=True, text=True, timeout=120, check=False)


def alonzo(server: Server, *arguments: str) -> str:
    answer = run(server, *arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def bill(server: Server, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(alonzo(server, "cost", "--json", *arguments))
    return answer


def test_what_was_measured_is_billed(server: Server) -> None:
    name = server.deploy("billed", _SLEEPS, MemorySize=1024, EphemeralStorage={"Size": 1536}, Tags={"team": "blue"})
    for seconds in (0.2, 0.1):
        invoke(server, name, {"seconds": seconds, "answer": 1})
    invoke(server, name, {})
    answer = bill(server, "--no-free-tier", "--by", "tag:team")
    share = next(share for share in answer["shares"] if share["name"] == "blue")
    items = {item["name"]: item for item in answer["items"]}
    assert (share["requests"], share["errors"]) == (3, 1)
    assert 0.3 <= share["gb_seconds"] <= 30
    assert items["storage beyond 512 MB"]["quantity"] == pytest.approx(share["gb_seconds"])
    assert share["dollars"] == pytest.approx(3 * 2e-7 + share["gb_seconds"] * (0.0000166667 + 0.0000000309))
    assert next(share for share in bill(server, "--by", "version")["shares"])["name"] == f"{name}:$LATEST"
    assert {item["name"]: item["dollars"] for item in bill(server, "--month")["items"]} == {
        "requests": 0,
        "duration, x86_64": 0,
        "storage beyond 512 MB": items["storage beyond 512 MB"]["dollars"],
    }
    assert "billed" in alonzo(server, "cost")


def test_provisioned_environments_cost_as_long_as_they_are_there(server: Server) -> None:
    name, client = server.deploy("kept", _SLEEPS), server.client("lambda")
    version = client.publish_version(FunctionName=name)["Version"]
    client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 0.1})
    client.put_provisioned_concurrency_config(FunctionName=name, Qualifier=version, ProvisionedConcurrentExecutions=2)

    def gb_seconds() -> float:
        return next((item["quantity"] for item in bill(server)["items"] if item["name"] == "provisioned concurrency, x86_64"), 0.0)

    assert eventually(gb_seconds, what="provisioned concurrency on the bill") > 0
    invoke(server, name, {"answer": 1}, Qualifier=version)
    assert "duration in provisioned concurrency, x86_64" in {item["name"] for item in bill(server)["items"]}
    client.delete_provisioned_concurrency_config(FunctionName=name, Qualifier=version)


def test_a_function_is_measured_with_several_sizes(server: Server) -> None:
    name = server.deploy("tuned", _SLEEPS, MemorySize=512, Environment={"Variables": {"NAME": "b"}})
    arguments = ("tune", name, "--payload", '{"answer": 1, "seconds": 0.5}', "--sizes", "128,256", "--count", "2")
    measured = json.loads(alonzo(server, *arguments, "--json"))
    assert [each["memory_mib"] for each in measured] == [128, 256]
    assert all(each["billed_ms"] >= each["duration_ms"] >= 500 for each in measured)
    assert all(each["dollars_a_million"] > 0.2 for each in measured)
    told = alonzo(server, *arguments)
    dollars = {row[0]: float(row[-1]) for line in told.splitlines() if (row := line.split()) and row[1:2] == ["MB"]}
    assert dollars.keys() == {"128", "256"}
    assert dollars["128"] < dollars["256"]
    assert "Cheapest: 128 MB" in told
    assert [
        function["FunctionName"]
        for function in server.client("lambda").list_functions()["Functions"]
        if "tune-" in function["FunctionName"]
    ] == []


def test_what_a_server_has_counted_is_there_after_a_restart(server: Server, directory: Path) -> None:
    name = server.deploy("counted", _SLEEPS)
    invoke(server, name, {"answer": 1})
    server.stop()
    with Server.start(data_directory=directory) as again:
        invoke(again, name, {"answer": 1})
        share = next(share for share in bill(again)["shares"] if share["name"] == name)
        assert share["requests"] == 2
        assert bill(again, "--month", "2020-01")["total"] == 0
        wrong = subprocess.run(
            [ALONZO, "cost", "--month", "x"], env=again.environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert wrong.returncode == 1
        assert "'x' is not a month" in wrong.stderr
