"""What the platform says when the function cannot speak for itself."""

import json

import pytest

from alonzo.environment.outcomes import InitFailed, exit_fault, init_failure, response_too_large, timeout_fault

REQUEST = "8f5b1d2a-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (0, "Runtime exited without providing a reason"),
        (1, "Runtime exited with error: exit status 1"),
        (255, "Runtime exited with error: exit status 255"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
        (-15, "Runtime exited with error: signal: terminated"),
        (-6, "Runtime exited with error: signal: aborted"),
        (-31, "Runtime exited with error: signal: signal 31"),
        (-64, "Runtime exited with error: signal: signal 64"),
        (-1000, "Runtime exited with error: signal: signal 1000"),
    ],
)
def test_exits_are_worded_as_aws_words_them(status: int, message: str) -> None:
    fault = exit_fault(status, out_of_memory=False)
    assert (fault.error_type, fault.message, fault.status) == ("Runtime.ExitError", message, "error")


@pytest.mark.parametrize("status", [0, 1, -9])
def test_a_lack_of_memory_is_told_whatever_the_exit_was(status: int) -> None:
    fault = exit_fault(status, out_of_memory=True)
    assert (fault.error_type, fault.message) == ("Runtime.OutOfMemory", "Runtime exited with error: signal: killed")


@pytest.mark.parametrize(("seconds", "text"), [(3, "3.00"), (0.5, "0.50"), (900, "900.00")])
def test_a_timeout_names_the_limit(seconds: float, text: str) -> None:
    fault = timeout_fault(seconds)
    assert (fault.error_type, fault.message, fault.status) == ("Sandbox.Timedout", f"Task timed out after {text} seconds", "timeout")


def test_a_fault_is_a_result_that_names_the_request() -> None:
    result = timeout_fault(3).result(REQUEST)
    assert result.function_error == "Unhandled"
    assert json.loads(result.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {REQUEST} Error: Task timed out after 3.00 seconds",
    }


def test_a_response_that_is_too_large_names_the_limit() -> None:
    assert json.loads(response_too_large().payload) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }


def test_a_failed_init_answers_what_the_runtime_reported_of_it() -> None:
    fault = exit_fault(1, out_of_memory=False)
    reported = InitFailed(fault=fault, payload=b'{"errorType": "ValueError"}', duration_seconds=0.1).result(REQUEST)
    assert (reported.payload, reported.function_error) == (b'{"errorType": "ValueError"}', "Unhandled")
    silent = InitFailed(fault=fault, payload=None, duration_seconds=0.1).result(REQUEST)
    assert json.loads(silent.payload)["errorMessage"] == f"RequestId: {REQUEST} Error: Runtime exited with error: exit status 1"


EXIT = exit_fault(1, out_of_memory=False)


def test_what_a_runtime_reports_of_its_start_is_passed_on() -> None:
    failure = init_failure((b'{"errorType":"Odd"}', "Odd"), EXIT, duration_seconds=1.0)
    assert (failure.result(REQUEST).payload, failure.fault.error_type) == (b'{"errorType":"Odd"}', "Odd")
    assert init_failure(None, EXIT, duration_seconds=1.0).result(REQUEST).payload == EXIT.result(REQUEST).payload


def test_a_runtime_that_cannot_be_started_is_reported_with_its_request() -> None:
    failure = init_failure((b'{"errorMessage":"fork/exec /x: no"}', "Runtime.InvalidEntrypoint"), EXIT, duration_seconds=1.0)
    assert json.loads(failure.result(REQUEST).payload) == {
        "errorType": "Runtime.InvalidEntrypoint",
        "errorMessage": f"RequestId: {REQUEST} Error: fork/exec /x: no",
    }


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"errorMessage":1}', b"\xff", b'{"errorMessage":"' + b"x" * 5_000 + b'"}'])
def test_what_a_function_sends_in_its_place_is_passed_on_as_it_is(body: bytes) -> None:
    failure = init_failure((body, "Runtime.InvalidEntrypoint"), EXIT, duration_seconds=1.0)
    assert failure.result(REQUEST).payload == body
