"""Asynchronous invocation: what is accepted, when it runs, when it runs again and when no more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import StartServer
from tests.support.event_sink import REPORTING, EventSink
from tests.support.queues import read_queue, wait_for_queue
from tests.support.server import Server
from tests.support.waiting import eventually

LIMIT_BYTES = 1_048_576


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.start("--async-retry-delays", "0.5,1", data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


@pytest.fixture
def sink() -> Iterator[EventSink]:
    with EventSink() as running:
        yield running


def configure(server: Server, name: str, **config: Any) -> None:
    server.client("lambda").put_function_event_invoke_config(FunctionName=name, **config)


def refusal(server: Server, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        server.client("lambda").invoke(InvocationType="Event", **parameters)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def test_an_event_is_answered_with_an_empty_202_and_run(server: Server, sink: EventSink) -> None:
    name = server.deploy("accepted", REPORTING)
    event = json.dumps({"id": 1, "sink": sink.url}).encode()
    answer = server.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=event)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert headers["x-amzn-requestid"] == answer["ResponseMetadata"]["RequestId"]
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    assert "FunctionError" not in answer
    assert "ExecutedVersion" not in answer
    (report,) = eventually(lambda: sink.reports, what="the event's run")
    assert report["request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert report["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    queue = wait_for_queue(server, name, depth=0)
    assert (queue["accepted"], queue["delivered"], queue["failed"]) == (1, 1, 0)


def test_what_cannot_run_is_refused_and_not_accepted(server: Server) -> None:
    name = server.deploy("refusing", REPORTING)
    too_large = b'"' + b"x" * (LIMIT_BYTES - 1) + b'"'
    assert refusal(server, FunctionName=name, Payload=too_large) == (
        413,
        "RequestEntityTooLargeException",
        f"{LIMIT_BYTES + 1} byte payload is too large for the Event invocation type (limit {LIMIT_BYTES} bytes)",
    )
    status, code, message = refusal(server, FunctionName=name, Payload=b"{not json")
    assert (status, code) == (400, "InvalidRequestContentException")
    assert message.startswith("Could not parse request body into json")
    assert refusal(server, FunctionName="nobody", Payload=b"{}")[:2] == (404, "ResourceNotFoundException")
    assert refusal(server, FunctionName=name, Qualifier="7", Payload=b"{}")[:2] == (404, "ResourceNotFoundException")
    assert read_queue(server, name) == {}


def test_the_largest_event_and_an_empty_one_arrive(server: Server) -> None:
    name = server.deploy("measuring", "def handler(event, context):\n    print('got', len(event))\n")
    client = server.client("lambda")
    client.invoke(FunctionName=name, InvocationType="Event", Payload=b'"' + b"x" * (LIMIT_BYTES - 2) + b'"')
    client.invoke(FunctionName=name, InvocationType="Event")
    wait_for_queue(server, name, delivered=2, depth=0)


def test_a_failing_function_is_run_three_times_with_the_same_request_id(server: Server, sink: EventSink) -> None:
    name = server.deploy("failing", REPORTING)
    request_id = sink.send(server, name, "bad", fail=True)
    queue = wait_for_queue(server, name, failed=1, depth=0)
    assert [report["request_id"] for report in sink.reports] == [request_id] * 3
    assert (queue["retried"], queue["delivered"], queue["kept"]) == (2, 0, 1)


@pytest.mark.parametrize("retries", [0, 1])
def test_there_are_as_many_retries_as_configured(server: Server, sink: EventSink, retries: int) -> None:
    name = server.deploy(f"retrying-{retries}", REPORTING)
    configure(server, name, MaximumRetryAttempts=retries)
    sink.send(server, name, "bad", exit=True)
    wait_for_queue(server, name, failed=1, depth=0)
    assert len(sink.reports) == 1 + retries


def test_an_alias_has_a_configuration_of_its_own_and_is_resolved_at_each_try(start_server: StartServer, sink: EventSink) -> None:
    server = start_server("--async-retry-delays", "3,0")
    name, client = server.deploy("aliased", REPORTING), server.client("lambda")
    versions = [client.publish_version(FunctionName=name, Description="first")["Version"]]
    client.update_function_configuration(FunctionName=name, Description="changed")
    server.wait_until_settled(name)
    versions.append(client.publish_version(FunctionName=name, Description="second")["Version"])
    client.create_alias(FunctionName=name, Name="live", FunctionVersion=versions[0])
    configure(server, name, MaximumRetryAttempts=0)
    client.put_function_event_invoke_config(FunctionName=name, Qualifier="live", MaximumRetryAttempts=1)
    sink.send(server, name, "bad", Qualifier="live", fail=True)
    eventually(lambda: sink.reports, what="the first try")
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=versions[1])
    wait_for_queue(server, name, failed=1, depth=0)
    assert [report["version"] for report in sink.reports] == versions
    assert {report["arn"].rpartition(":")[2] for report in sink.reports} == {"live"}


def test_a_version_has_a_configuration_of_its_own(start_server: StartServer, sink: EventSink) -> None:
    server = start_server("--async-retry-delays", "0,0")
    name, client = server.deploy("versioned", REPORTING), server.client("lambda")
    version = client.publish_version(FunctionName=name)["Version"]
    client.put_function_event_invoke_config(FunctionName=name, Qualifier=version, MaximumRetryAttempts=0)
    sink.send(server, name, "once", Qualifier=version, fail=True)
    wait_for_queue(server, name, failed=1, depth=0)
    assert [report["version"] for report in sink.reports] == [version]
    sink.send(server, name, "thrice", fail=True)
    wait_for_queue(server, name, failed=2, depth=0)
    assert [report["version"] for report in sink.reports] == [version, "$LATEST", "$LATEST", "$LATEST"]


def test_an_event_that_waits_for_a_retry_is_dropped_with_its_function(start_server: StartServer, sink: EventSink) -> None:
    server = start_server("--async-retry-delays", "4,4")
    name = server.deploy("deleted", REPORTING)
    sink.send(server, name, "bad", fail=True)
    wait_for_queue(server, name, retried=1)
    server.client("lambda").delete_function(FunctionName=name)
    queue = wait_for_queue(server, name, dropped=1, depth=0)
    assert (queue["failed"], len(sink.reports)) == (0, 1)
    assert "an event is dropped: its function was deleted" in server.log_file.read_text()


def test_without_any_concurrency_an_event_fails_at_once(server: Server, sink: EventSink) -> None:
    name = server.deploy("switched-off", REPORTING)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    sink.send(server, name, "never")
    queue = wait_for_queue(server, name, failed=1, depth=0)
    assert (queue["retried"], queue["kept"], sink.reports) == (0, 1, [])


def test_a_backlog_waits_for_concurrency_and_runs_in_full(server: Server, sink: EventSink) -> None:
    """One place for all of them: events are throttled, lost to nobody, and not set back."""
    name, count = server.deploy("crowded", REPORTING, Timeout=60), 40
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    sink.send(server, name, "first", gate="crowd")
    eventually(lambda: sink.reports, what="the first event's run")
    for number in range(count):
        sink.send(server, name, number)
    queue = read_queue(server, name)
    assert queue["depth"] == count + 1
    assert queue["oldest_age_seconds"] is not None
    sink.open("crowd")
    queue = wait_for_queue(server, name, depth=0)
    assert sink.counts() == dict.fromkeys(["first", *range(count)], 1)
    assert (queue["delivered"], queue["failed"], queue["retried"]) == (count + 1, 0, 0)
    assert queue["throttled"] > 0


def test_an_event_that_waited_too_long_is_not_run(start_server: StartServer, sink: EventSink) -> None:
    """The shortest age is a minute: of events as old as that the test makes some by setting the retry further off than they may wait."""
    server = start_server("--async-retry-delays", "600,600")
    name = server.deploy("ageing", REPORTING)
    configure(server, name, MaximumEventAgeInSeconds=60)
    sink.send(server, name, "bad", fail=True)
    queue = wait_for_queue(server, name, failed=1, depth=0, within_seconds=100)
    assert (len(sink.reports), queue["retried"]) == (1, 1)
    assert "an event ended with EventAgeExceeded" in server.log_file.read_text()


def test_a_poison_event_does_not_hold_up_the_others(start_server: StartServer, sink: EventSink) -> None:
    """It kills its process at every try. All the others are done while it still waits for its second."""
    server = start_server("--async-retry-delays", "600,600")
    name, client = server.deploy("poisoned", REPORTING, Timeout=60), server.client("lambda")
    sink.send(server, name, "poison", exit=True)
    for number in range(1_000):
        sink.send(server, name, number, client=client)
    queue = wait_for_queue(server, name, delivered=1_000, delayed=1, within_seconds=120)
    assert sink.counts() == dict.fromkeys(["poison", *range(1_000)], 1)
    assert queue["failed"] == 0


def test_one_functions_backlog_does_not_hold_up_anothers(server: Server, sink: EventSink) -> None:
    blocked, free = server.deploy("blocked", REPORTING, Timeout=60), server.deploy("free", REPORTING)
    for number in range(20):
        sink.send(server, blocked, f"blocked-{number}", gate="blockade")
    sink.send(server, free, "free")
    eventually(lambda: "free" in sink.ids(), what="the other function's event")
    assert not sink.ended_ids
    sink.open("blockade")
    wait_for_queue(server, blocked, depth=0, delivered=20)


def test_what_waits_for_its_retry_survives_restarts_with_its_time(start_server: StartServer, sink: EventSink, tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = start_server("--async-retry-delays", "6,1", data_directory=data)
    name = server.deploy("restarted", REPORTING)
    request_id = sink.send(server, name, "bad", fail=True)
    wait_for_queue(server, name, retried=1, depth=1)
    server.kill()
    server = start_server("--async-retry-delays", "6,1", data_directory=data)
    wait_for_queue(server, name, failed=1, depth=0)
    assert [report["request_id"] for report in sink.reports] == [request_id] * 3
    assert sink.ran_at[1] - sink.ran_at[0] >= 6, "a restart shall not bring the retry forward"


def test_a_stop_lets_what_runs_finish_and_keeps_the_rest(start_server: StartServer, sink: EventSink, tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = start_server(data_directory=data)
    name = server.deploy("stopped", REPORTING, Timeout=60)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    sink.send(server, name, "running", gate="stop")
    eventually(lambda: sink.reports, what="the event's run")
    for number in range(10):
        sink.send(server, name, number)
    server.process.terminate()
    eventually(lambda: "finishing what is running" in server.log_file.read_text(), what="word of the drain")
    sink.open("stop")
    assert server.process.wait(40) == 0
    assert sink.ended_ids == ["running"]
    server = start_server(data_directory=data)
    wait_for_queue(server, name, depth=0, delivered=10)
    assert sink.counts() == dict.fromkeys(["running", *range(10)], 1)
