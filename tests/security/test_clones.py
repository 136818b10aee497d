"""Environments that are forked from one template: none of them finds anything of the others, keeps a privilege, or takes others along."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.crash.census import find_cgroups
from tests.support.invoking import Answer, invoke, read_log, succeed
from tests.support.server import ROLE, Server
from tests.support.toolchains import give_up
from tests.support.waiting import eventually

from alonzo.sandbox.host import inspect

_NO_CAPABILITIES = "0" * 16


@pytest.fixture(autouse=True)
def host_that_forks() -> None:
    """Nothing of this is there elsewhere."""
    if not all(fact.available for fact in inspect() if fact.name == "SnapStart by fork"):
        give_up("this host cannot fork environments")


@pytest.fixture(params=["host_network", "own_network"])
def server(request: pytest.FixtureRequest) -> Server:
    running: Server = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as running:
        yield running


def test_clones_do_not_see_each_other(server: Server, hostile_package: bytes, pool: ThreadPoolExecutor) -> None:
    name = publish(server, "clones-apart", hostile_package, "live")
    answers = list(pool.map(lambda mark: succeed(server, name, {"mark": str(mark), "seconds": 2}, Qualifier="1"), range(3)))
    assert len({answer["born"] for answer in answers}) == 1  # they were forked after INIT
    for mark, answer in enumerate(answers):
        assert answer["files"] == [str(mark), "seed"]
        assert answer["rest of the open file"] == "INIT"
        assert 400 < answer["tmp_mib"] <= 512
        assert answer["shared"]
        assert answer["keys of others"] == []
        assert answer["processes"] == []
    assert not any(message.startswith("[alonzo]") for message in read_log(server, name))


def test_a_clone_keeps_nothing_of_its_making(server: Server, hostile_package: bytes, pool: ThreadPoolExecutor) -> None:
    name = publish(server, "clones-hostile", hostile_package, "attack")
    staying = pool.submit(succeed, server, name, {"mark": "1", "seconds": 3}, Qualifier="1")
    eventually(lambda: "START RequestId" in "".join(read_log(server, name)), what="a clone to be attacked")
    others = [pool.submit(succeed, server, name, {}, Qualifier="1") for _ in range(2)]
    for attacked in others:
        outcome = attacked.result()
        assert [outcome.pop(name) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [_NO_CAPABILITIES] * 5
        assert (outcome.pop("NoNewPrivs"), outcome.pop("Seccomp")) == ("1", "2")
        assert outcome.pop("setns user") == "EINVAL"  # it is in there already
        assert outcome.pop("reached") == []
        assert set(outcome.values()) <= {"EPERM"}, outcome
    assert staying.result()["files"] == ["1", "seed"]
    assert succeed(server, name, {}, Qualifier="1")["reached"] == []  # the template lives, and is out of reach


def test_memory_is_each_clones_own(server: Server, hostile_package: bytes, pool: ThreadPoolExecutor) -> None:
    name = publish(server, "clones-memory", hostile_package, "live", MemorySize=128)
    greedy = publish(server, "clones-greedy", hostile_package, "fill_memory", MemorySize=128)
    staying = pool.submit(succeed, server, name, {"mark": "1", "seconds": 2}, Qualifier="1")
    for _ in range(2):
        answer = invoke(server, greedy, {}, Qualifier="1")
        assert answer.value["errorType"] in {"Runtime.OutOfMemory", "MemoryError"}, answer.value
    assert staying.result()["files"] == ["1", "seed"]


def test_the_end_of_one_is_nobody_elses(server: Server, hostile_package: bytes, pool: ThreadPoolExecutor) -> None:
    name = publish(server, "clones-ending", hostile_package, "live", Timeout=8)
    lasting: list[Future[Any]] = [pool.submit(succeed, server, name, {"mark": str(mark), "seconds": 2}, Qualifier="1") for mark in (1, 2)]
    late: Future[Answer] = pool.submit(invoke, server, name, {"mark": "3", "seconds": 60}, Qualifier="1")
    assert [waiting.result()["files"] for waiting in lasting] == [["1", "seed"], ["2", "seed"]]
    assert late.result().value["errorMessage"].endswith("Task timed out after 8.00 seconds")
    assert succeed(server, name, {"mark": "1", "seconds": 0}, Qualifier="1")["files"][-1] == "seed"


def test_what_runs_is_not_ended_with_its_version(server: Server, hostile_package: bytes, pool: ThreadPoolExecutor) -> None:
    _end_all(server)
    name = publish(server, "clones-deleted", hostile_package, "live")
    running = pool.submit(succeed, server, name, {"mark": "1", "seconds": 2}, Qualifier="1")
    eventually(lambda: "START RequestId" in "".join(read_log(server, name)), what="the invocation")
    family = _groups(server)
    assert family
    server.client("lambda").delete_function(FunctionName=name, Qualifier="1")
    assert running.result()["files"] == ["1", "seed"]
    eventually(lambda: not _groups(server) & family, what="the end of the family's control groups")


def test_nothing_of_a_family_outlives_the_node(start_server: Any, hostile_package: bytes) -> None:
    server = start_server()
    name = publish(server, "clones-orphaned", hostile_package, "live")
    succeed(server, name, {"mark": "1", "seconds": 0}, Qualifier="1")
    processes = psutil.Process(server.process.pid).children(recursive=True)
    server.kill()
    psutil.wait_procs(processes, timeout=20)
    assert not [process for process in processes if process.is_running()]


def publish(server: Server, name: str, package: bytes, handler: str, **more: Any) -> str:
    client = server.client("lambda")
    configuration = {"Runtime": "python3.12", "Handler": f"clones.{handler}", "Role": ROLE, "Timeout": 20, "MemorySize": 256} | more
    client.create_function(
        FunctionName=name, Code={"ZipFile": package}, SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True, **configuration
    )
    waiter = client.get_waiter("published_version_active")
    waiter.wait(FunctionName=name, Qualifier="1", WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    return name


def _end_all(server: Server) -> None:
    """What earlier tests have published goes, and with it the clones that may still be restored of it."""
    client = server.client("lambda")
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            if function["FunctionName"].startswith("clones-"):
                client.delete_function(FunctionName=function["FunctionName"])
    eventually(lambda: not _groups(server), what="the end of all clones")


def _groups(server: Server) -> set[str]:
    """The control groups of a node's clones, by path."""
    return {path for path in find_cgroups(server) if re.fullmatch(r"[0-9a-f]{16}-\d+", Path(path).name)}
