"""`alonzo queue`, against a running server."""

import subprocess
from collections.abc import Iterator

import pytest
from tests.support.event_sink import REPORTING, EventSink
from tests.support.queues import read_queue, wait_for_queue
from tests.support.server import ALONZO, Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.start("--async-retry-delays", "0.1,0.1", data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


@pytest.fixture
def sink() -> Iterator[EventSink]:
    with EventSink() as running:
        yield running


def alonzo(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ALONZO, *arguments], env=server.environment(), capture_output=True, text=True, timeout=60, check=False)


def fail_some(server: Server, sink: EventSink, name: str, count: int) -> None:
    server.client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    for number in range(count):
        sink.send(server, name, number, fail=True)
    wait_for_queue(server, name, failed=count, kept=count, depth=0)


def test_a_failed_event_can_be_seen_and_run_again(server: Server, sink: EventSink) -> None:
    name = server.deploy("redriven", REPORTING)
    fail_some(server, sink, name, 3)
    heading, *rows = alonzo(server, "queue", "list").stdout.splitlines()
    assert heading.split()[:2] == ["FUNCTION", "DEPTH"]
    assert [row.split() for row in rows if row.startswith(name)] == [[name, "0", "0", "0", "-", "0", "0", "3", "3"]]
    shown = alonzo(server, "queue", "show", name)
    assert "3  failed events that `alonzo queue redrive` runs again" in shown.stdout
    server.client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    assert alonzo(server, "queue", "redrive", name).stdout == "3 events are tried again\n"
    wait_for_queue(server, name, failed=6, kept=3, depth=0)
    assert sink.counts() == dict.fromkeys(range(3), 3)
    request_ids = {report["request_id"] for report in sink.reports}
    assert len(request_ids) == 3


def test_a_purge_forgets_what_waits_and_what_failed(server: Server, sink: EventSink) -> None:
    name = server.deploy("purged", REPORTING, Timeout=60)
    fail_some(server, sink, name, 2)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    sink.send(server, name, "runs", gate="purge")
    for number in range(5):
        sink.send(server, name, f"waits-{number}")
    assert read_queue(server, name)["depth"] == 6
    assert alonzo(server, "queue", "purge", name).stdout == "8 events are forgotten\n"
    sink.open("purge")
    queue = wait_for_queue(server, name, depth=0, in_flight=0)
    assert queue["kept"] == 0


def test_functions_without_events_are_told_from_a_server_that_is_not_there(server: Server) -> None:
    unknown = alonzo(server, "queue", "show", "nobody")
    assert unknown.returncode == 1
    assert unknown.stderr == "Error: nobody has no events, and had none since the start\n"
    absent = alonzo(server, "queue", "list", "--endpoint-url", "http://127.0.0.1:9")
    assert absent.returncode == 1
    assert "is `alonzo up` running there?" in absent.stderr


def test_queues_are_those_of_the_callers_account_and_region(server: Server, sink: EventSink) -> None:
    name = server.deploy("apart", REPORTING)
    sink.send(server, name, 1)
    wait_for_queue(server, name, delivered=1)
    assert name in alonzo(server, "queue", "list").stdout
    assert name not in alonzo(server, "queue", "list", "--region", "eu-west-1").stdout
