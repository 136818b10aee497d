"""Functions in Python that run several invocations at once: processes of one environment."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.support.invoking import invoke, invoke_together, read_log, succeed, wait_for_log
from tests.support.managed_instances import deploy_shared
from tests.support.server import Server, zip_of
from tests.support.waiting import eventually

RUNTIME = "python3.13"

SOURCE = """
import logging, os, pathlib, time

logger = logging.getLogger()
loaded_in = os.getpid()
running, arrived = pathlib.Path("/tmp/running"), pathlib.Path("/tmp/arrived")
for directory in (running, arrived):
    directory.mkdir(exist_ok=True)


def handler(event, context):
    for directory in (running, arrived):
        (directory / context.aws_request_id).touch()
    try:
        return work(event, context)
    finally:
        (running / context.aws_request_id).unlink()


def work(event, context):
    logger.warning("warned %s", event["number"])
    print("x" * event.get("width", 3) + f"-{event['number']}-end")
    highest = len(list(running.iterdir()))
    while len(list(arrived.iterdir())) < event.get("together", 0):
        time.sleep(0.005)
        highest = max(highest, len(list(running.iterdir())))
    time.sleep(event.get("seconds", 0))
    highest = max(highest, len(list(running.iterdir())))
    if event.get("raise"):
        raise ValueError(event["number"])
    if "exit" in event:
        os._exit(event["exit"])
    if event.get("late"):
        while not pathlib.Path("/tmp/release").exists():
            time.sleep(0.005)
    if event.get("release"):
        pathlib.Path("/tmp/release").touch()
    return {
        "number": event["number"],
        "id": context.aws_request_id,
        "environment": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        "process": os.getpid(),
        "loaded_in": loaded_in,
        "highest": highest,
        "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
        "max": os.environ["AWS_LAMBDA_MAX_CONCURRENCY"],
    }
"""


def deploy(server: Server, name: str, *, max_concurrency: int, **more: Any) -> str:
    configuration = {"Runtime": RUNTIME, "Handler": "app.handler"} | more
    return deploy_shared(server, name, zip_of({"app.py": SOURCE}), max_concurrency=max_concurrency, **configuration)


def test_sixteen_at_once_share_an_environment(server: Server) -> None:
    name = deploy(server, "several", max_concurrency=16)
    answers = [answer.value for answer in invoke_together(server, name, [{"number": number, "together": 16} for number in range(16)])]
    assert [answer["number"] for answer in answers] == list(range(16))
    assert len({answer["id"] for answer in answers}) == 16
    assert len({answer["environment"] for answer in answers}) == 1
    assert len({answer["process"] for answer in answers}) == 16
    assert all(answer["process"] == answer["loaded_in"] for answer in answers)
    assert {(answer["type"], answer["max"]) for answer in answers} == {("lambda-managed-instances", "16")}
    # Asked one at a time, it stays with the environment.
    assert {succeed(server, name, {"number": number})["environment"] for number in range(4)} == {answers[0]["environment"]}


def test_there_are_never_more_in_an_environment_than_configured(server: Server) -> None:
    name = deploy(server, "several-limited", max_concurrency=3)
    answers = [answer.value for answer in invoke_together(server, name, [{"number": number, "seconds": 0.2} for number in range(16)])]
    assert [answer["number"] for answer in answers] == list(range(16))
    assert all(1 <= answer["highest"] <= 3 for answer in answers)


def test_an_error_in_one_does_not_touch_the_others(server: Server) -> None:
    name = deploy(server, "several-errors", max_concurrency=4)
    events = [{"number": number, "together": 4, "raise": number == 2} for number in range(4)]
    answers = invoke_together(server, name, events)
    assert [answer.error for answer in answers] == [None, None, "Unhandled", None]
    assert answers[2].value["errorType"] == "ValueError"
    assert answers[2].value["requestId"] == answers[2].request_id
    assert len({answer.value["environment"] for answer in answers if answer.error is None}) == 1


@pytest.mark.parametrize(
    ("status", "problem"), [(3, "Runtime exited with error: exit status 3"), (0, "Runtime exited without providing a reason")]
)
def test_a_process_that_dies_fails_its_invocation_and_is_replaced(server: Server, status: int, problem: str) -> None:
    name = deploy(server, f"several-exit-{status}", max_concurrency=3)
    dying, *others = invoke_together(server, name, [{"number": 0, "together": 3, "exit": status}, *({"number": 1, "together": 3},) * 2])
    assert dying.error == "Unhandled"
    assert dying.value == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {dying.request_id} Error: {problem}"}
    assert [answer.error for answer in others] == [None, None]
    again = [answer.value for answer in invoke_together(server, name, [{"number": number, "together": 6} for number in range(3)])]
    assert {answer["environment"] for answer in again} == {others[0].value["environment"]}


def test_what_is_late_fails_alone_and_leaves_the_environment_to_the_others(server: Server) -> None:
    name = deploy(server, "several-late", max_concurrency=2, Timeout=2)
    first = succeed(server, name, {"number": 0})
    late = invoke(server, name, {"number": 1, "late": True})
    assert late.error == "Unhandled"
    assert late.value["errorType"] == "Sandbox.Timedout"
    assert late.value["errorMessage"] == f"RequestId: {late.request_id} Error: Task timed out after 2.00 seconds"
    after = succeed(server, name, {"number": 2, "release": True})
    assert after["environment"] == first["environment"]
    arrived = [first, late, after]

    def late_one_is_back() -> bool:
        arrived.append(succeed(server, name, {"number": len(arrived)}))
        return "410" in "".join(message for message in read_log(server, name) if "This won't kill the Runtime loop" in message)

    eventually(late_one_is_back, what="the late process has been told, and logged, that it was late")
    # Both places are there again.
    events = [{"number": number, "together": len(arrived) + 2} for number in range(2)]
    both = [answer.value for answer in invoke_together(server, name, events)]
    assert {answer["environment"] for answer in both} == {first["environment"]}


def test_when_all_are_late_the_next_one_gets_a_new_environment(server: Server) -> None:
    name = deploy(server, "several-all-late", max_concurrency=2, Timeout=1)
    late = invoke_together(server, name, [{"number": number, "late": True} for number in range(2)])
    assert [answer.value["errorType"] for answer in late] == ["Sandbox.Timedout"] * 2
    assert succeed(server, name, {"number": 2})["number"] == 2


def test_logs_carry_their_request_ids(server: Server) -> None:
    name = deploy(server, "several-logs", max_concurrency=4)
    events = [{"number": number, "together": 4, "width": 20_000} for number in range(4)]
    answers = [answer.value for answer in invoke_together(server, name, events)]
    messages = wait_for_log(server, name, "platform.report", count=4)
    lines = [message for message in messages if message.startswith("x")]
    assert sorted(lines) == [f"{'x' * 20_000}-{number}-end\n" for number in range(4)]
    records = [json.loads(message) for message in messages if message.startswith("{")]
    warned = {record["requestId"]: record["message"] for record in records if "message" in record}
    assert warned == {answer["id"]: f"warned {answer['number']}" for answer in answers}
    for kind in ("platform.start", "platform.report"):
        assert {record["record"]["requestId"] for record in records if record.get("type") == kind} == set(warned)
    assert [record["record"]["initializationType"] for record in records if record.get("type") == "platform.initStart"] == [
        "lambda-managed-instances"
    ]


def test_a_log_tail_holds_what_belongs_to_its_invocation(server: Server) -> None:
    name = deploy(server, "several-tail", max_concurrency=2)
    one, two = invoke_together(server, name, [{"number": number, "together": 2} for number in range(2)], LogType="Tail")
    for answer, number in ((one, 0), (two, 1)):
        assert f"warned {number}" in answer.log_tail
        assert f"warned {1 - number}" not in answer.log_tail


def test_a_function_that_cannot_be_loaded_fails_whoever_invokes_it(server: Server) -> None:
    package = zip_of({"app.py": "raise KeyError('no')"})
    name = deploy_shared(server, "several-broken", package, max_concurrency=4, Runtime=RUNTIME, Handler="app.handler")
    answers = invoke_together(server, name, [{"number": number} for number in range(4)])
    assert [answer.value["errorType"] for answer in answers] == ["KeyError"] * 4


def test_a_change_leaves_what_runs_to_its_end(server: Server) -> None:
    name = deploy(server, "several-changes", max_concurrency=2, Timeout=20)
    client = server.client("lambda")
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(invoke, server, name, {"number": 1, "together": 2})
        eventually(lambda: any("warned 1" in message for message in read_log(server, name)), what="the invocation's beginning")
        alias = client.publish_version(FunctionName=name)["Version"]
        assert succeed(server, name, {"number": 2})["number"] == 2  # into the other place: both end
        assert running.result().error is None
        client.update_function_configuration(FunctionName=name, Timeout=21)
        server.wait_until_settled(name)
        client.publish_version(FunctionName=name, PublishTo="LATEST_PUBLISHED")
        after = succeed(server, name, {"number": 3})
        assert after["environment"] != running.result().value["environment"]
        assert succeed(server, name, {"number": 4}, Qualifier=alias)["number"] == 4
