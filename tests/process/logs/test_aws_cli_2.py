"""The AWS CLI of version 2, whose `aws logs tail` follows a function's log, and reads metrics."""

import json
import selectors
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.aws_cli import require_version_2
from tests.support.metrics import dimensions
from tests.support.server import Server

pytestmark = pytest.mark.thorough

SOURCE = """
import time

def handler(event, context):
    for number in range(event["count"]):
        print(f"line {number} of {event['what']}")
        time.sleep(event.get("pause", 0))
    print("ERROR the last of", event["what"])
"""
_FOLLOW_SECONDS = 60.0


@pytest.fixture(scope="module")
def name(server: Server) -> str:
    """A function that has written before anybody looks."""
    name = server.deploy("tailed", SOURCE, Timeout=60)
    log(server, name, count=2, what="before")
    return name


def log(server: Server, name: str, **event: object) -> None:
    server.own_client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))


def start(server: Server, *arguments: str) -> subprocess.Popen[bytes]:
    command = [require_version_2(), "--endpoint-url", server.endpoint_url, *arguments]
    return subprocess.Popen(command, env=server.environment() | {"AWS_PAGER": ""}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def output(server: Server, *arguments: str) -> str:
    with start(server, *arguments) as process:
        out, problem = process.communicate()
    assert process.returncode == 0, problem.decode()
    return out.decode()


def read_until(process: subprocess.Popen[bytes], is_enough: Callable[[str], bool]) -> str:
    """What it has written by the time that this is enough."""
    assert process.stdout is not None
    text, deadline = b"", time.monotonic() + _FOLLOW_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not is_enough(text.decode()):
            assert selector.select(deadline - time.monotonic()), text.decode()
            part = process.stdout.read1()  # type: ignore[attr-defined]
            assert part, process.communicate()
            text += part
    return text.decode()


def test_tail_follows_a_function_that_writes(server: Server, name: str) -> None:
    following = start(server, "logs", "tail", f"/aws/lambda/{name}", "--follow", "--format", "short")
    try:
        before = read_until(following, lambda text: "ERROR the last of before" in text)
        log(server, name, count=3, what="meanwhile", pause=1)
        log(server, name, count=0, what="everything")
        after = read_until(following, lambda text: "ERROR the last of everything" in text)
    finally:
        following.kill()
        following.communicate()
    lines = [line.partition(" ")[2] for line in (before + after).splitlines()]
    wanted = [line for what, count in (("before", 2), ("meanwhile", 3)) for line in (*(f"line {n} of {what}" for n in range(count)),)]
    assert [line for line in lines if line.startswith("line")] == wanted  # each once, in order
    assert sum(line.startswith("REPORT RequestId") for line in lines) >= 2


def test_tail_shows_what_a_pattern_chooses_of_the_last_minutes(server: Server, name: str) -> None:
    log(server, name, count=1, what="patterns")
    tail = ("logs", "tail", f"/aws/lambda/{name}", "--since", "5m", "--format", "short", "--filter-pattern", "ERROR")
    lines = output(server, *tail).splitlines()
    assert "ERROR the last of patterns" in [line.partition(" ")[2] for line in lines]
    assert all("ERROR" in line for line in lines)
    assert output(server, *tail[:-1], "nothing of the kind") == ""


def test_metrics_are_read(server: Server, name: str) -> None:
    stat = {"Metric": {"Namespace": "AWS/Lambda", "MetricName": "Invocations", "Dimensions": dimensions(FunctionName=name)}}
    queries = [{"Id": "i", "MetricStat": stat | {"Period": 60, "Stat": "Sum"}}, {"Id": "twice", "Expression": "2 * SUM(METRICS())"}]
    now = datetime.now(UTC)
    times = ("--start-time", (now - timedelta(hours=1)).isoformat(), "--end-time", (now + timedelta(minutes=5)).isoformat())
    answer = json.loads(output(server, "cloudwatch", "get-metric-data", *times, "--metric-data-queries", json.dumps(queries)))
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    assert sum(values["i"]) >= 1
    assert values["twice"] == [2 * value for value in values["i"]]
