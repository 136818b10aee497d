"""What goes wrong: in the handler, while it is loaded, with its result, with its process, with its time."""

import re

import pytest
from tests.conformance.expectations import HANDLER_ERRORS, LOAD_ERRORS, MISSING_HANDLERS, UNSERIALIZABLE, ExpectedError
from tests.conformance.features import Feature
from tests.conformance.house import House, every_language
from tests.support.invoking import Answer, wait_for_log


def check(answer: Answer, expected: ExpectedError) -> None:
    """That an error is what it should be, and nothing else."""
    error = answer.value
    assert answer.error == "Unhandled"
    described = {"errorType": expected.type, "errorMessage": expected.message}
    patterns = {key: pattern for key, pattern in described.items() if pattern is not None}
    assert set(error) == patterns.keys() | expected.others | ({expected.trace} if expected.trace else set()), error
    for key, pattern in patterns.items():
        assert re.fullmatch(pattern, error[key]), error
    if expected.frame:
        assert any(re.fullmatch(expected.frame, line) for line in error[expected.trace]), error
    assert not expected.is_logged or re.search(expected.message, answer.log_tail), answer.log_tail


@every_language(Feature.ERRORS)
def test_an_error_of_the_handler_is_told_and_keeps_the_environment(house: House) -> None:
    name = house.deploy("fails")
    assert house.succeed(name, {"do": "count"})["global"] == 1
    answer = house.invoke(name, {"do": "fail", "message": "täglich"}, LogType="Tail")
    check(answer, HANDLER_ERRORS[house.language.id])
    lines = answer.log_tail.splitlines()
    assert lines[0] == f"START RequestId: {answer.request_id} Version: $LATEST"
    assert lines[-2] == f"END RequestId: {answer.request_id}"
    assert "\tStatus: error\tError Type: " in lines[-1]
    assert house.succeed(name, {"do": "count"})["global"] == 2


@every_language(Feature.LOAD_ERRORS)
def test_an_error_while_the_function_is_loaded_is_told(house: House) -> None:
    answer = house.invoke(house.deploy("broken", "broken"), {}, LogType="Tail")
    check(answer, LOAD_ERRORS[house.language.id])
    phases = [
        line.split("\t")[1] for line in wait_for_log(house.server, f"{house.language.id}-broken", "REPORT RequestId") if "INIT_REP" in line
    ]
    assert phases == ["Phase: init", "Phase: invoke"]


@every_language(Feature.LOAD_ERRORS)
def test_a_handler_that_is_not_there_is_told(house: House) -> None:
    answer = house.invoke(house.deploy("missing", "missing"), {}, LogType="Tail")
    check(answer, MISSING_HANDLERS[house.language.id])


@every_language(Feature.UNSERIALIZABLE)
def test_a_result_that_is_no_json_is_an_error(house: House) -> None:
    answer = house.invoke(house.deploy("unserializable", "unserializable"), {}, LogType="Tail")
    check(answer, UNSERIALIZABLE[house.language.id])


@every_language(Feature.ENDS)
def test_a_time_out_is_told_and_replaces_the_environment(house: House) -> None:
    name = house.deploy("slow", Timeout=1)
    assert house.succeed(name, {"do": "count"}) == {"global": 1, "tmp": 1}
    answer = house.invoke(name, {"do": "wait", "seconds": 60, "token": "late"}, LogType="Tail")
    message = "Task timed out after 1.00 seconds"
    assert (answer.error, answer.value) == (
        "Unhandled",
        {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {answer.request_id} Error: {message}"},
    )
    assert f" {answer.request_id} {message}\n" in answer.log_tail
    assert "Status: timeout" in answer.log_tail
    assert house.succeed(name, {"do": "count"}) == {"global": 1, "tmp": 1}


@every_language(Feature.ENDS)
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"do": "exit", "status": 0}, "Runtime exited without providing a reason"),
        ({"do": "exit", "status": 1}, "Runtime exited with error: exit status 1"),
        ({"do": "kill"}, "Runtime exited with error: signal: killed"),
    ],
    ids=["0", "1", "killed"],
)
def test_an_exit_is_told_and_replaces_the_environment(house: House, asked: dict[str, object], message: str) -> None:
    name = house.deploy("exits")
    answer = house.invoke(name, asked, LogType="Tail")
    assert (answer.error, answer.value) == (
        "Unhandled",
        {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {answer.request_id} Error: {message}"},
    )
    assert "\tStatus: error\tError Type: Runtime.ExitError" in answer.log_tail
    assert house.succeed(name, {"do": "count"}) == {"global": 1, "tmp": 1}
