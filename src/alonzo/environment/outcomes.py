"""What the platform tells a caller when the function did not get to speak for itself.

Messages and types as AWS's runtime interface emulator and service answer them.
"""

import json
from dataclasses import dataclass

import msgspec

from alonzo.errors import AlonzoError
from alonzo.model.invocation import UNHANDLED, InvocationResult
from alonzo.model.quotas import RESPONSE_STREAM_MAX_BYTES, RESPONSE_SYNC_MAX_BYTES

_SIGNALS = (
    *("hangup", "interrupt", "quit", "illegal instruction", "trace/breakpoint trap", "aborted", "bus error", "floating point exception"),
    *("killed", "user defined signal 1", "segmentation fault", "user defined signal 2", "broken pipe", "alarm clock", "terminated"),
)
"""Signals from 1 on as Go words them, in which AWS's platform is written (syscall/zerrors_linux_amd64.go); others it calls by number."""


INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"
_OF_THE_PLATFORM = frozenset({INVALID_ENTRYPOINT, "Runtime.InvalidWorkingDir"})
"""What keeps a program from being started: said by the sandbox, in the words of AWS's platform."""

_MESSAGE_MAX_LENGTH = 4_096
_ERROR_READ_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure of the function that the platform noticed: an exit, a timeout, a response too large."""

    error_type: str
    message: str
    status: str = "error"

    @property
    def reported_type(self) -> str | None:
        """The error type in reports, which have none for timeouts."""
        return None if self.status == "timeout" else self.error_type

    def result(self, request_id: str) -> InvocationResult:
        """As the invocation's result."""
        body = {"errorType": self.error_type, "errorMessage": f"RequestId: {request_id} Error: {self.message}"}
        return InvocationResult(json.dumps(body, separators=(",", ":")).encode(), UNHANDLED)


class InitFailed(AlonzoError):
    """INIT ended without the runtime asking for an invocation.

    `payload` is what the runtime reported of it, if it did. The environment is gone; another one may be tried.
    """

    def __init__(self, *, fault: Fault, payload: bytes | None, duration_seconds: float) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.payload = payload
        self.duration_seconds = duration_seconds
        self.log_tail = b""

    def result(self, request_id: str) -> InvocationResult:
        """As the result of the invocation that INIT was part of."""
        payload = self.payload if self.payload is not None else self.fault.result(request_id).payload
        return InvocationResult(payload, UNHANDLED, self.log_tail)


class RestoreFailed(AlonzoError):
    """A snapshot was restored, but not the function: a hook raised, or the runtime ended. The environment is gone.

    AWS does not tell the caller more than the model's description of the error. `fault` is for the log.
    """

    MESSAGE = "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs."

    def __init__(self, *, fault: Fault) -> None:
        super().__init__(self.MESSAGE)
        self.fault = fault


class RestoreTimedOut(RestoreFailed):
    """The hooks took longer than they may."""

    MESSAGE = "Lambda couldn't restore the snapshot within the timeout limit."


class EnvironmentLost(AlonzoError):
    """The environment ended before it took the invocation: the function has not seen it, trying another environment is safe."""


def init_failure(reported: tuple[bytes, str] | None, exit_fault: Fault, *, duration_seconds: float) -> InitFailed:
    """INIT has ended with the runtime's process: by an error that was `reported` (body and type) before, or without a word.

    That a runtime cannot be started is reported in its name by the one who has tried (`guest/programs.py`); the words are the platform's.
    """
    if reported is None:
        return InitFailed(fault=exit_fault, payload=None, duration_seconds=duration_seconds)
    body, error_type = reported
    message = _reported_message(body) if error_type in _OF_THE_PLATFORM else None
    if message is not None:
        return InitFailed(fault=Fault(error_type, message), payload=None, duration_seconds=duration_seconds)
    return InitFailed(fault=Fault(error_type, exit_fault.message), payload=body, duration_seconds=duration_seconds)


def timeout_fault(timeout_seconds: float) -> Fault:
    """The function, or its INIT, took longer than it may."""
    return Fault("Sandbox.Timedout", f"Task timed out after {timeout_seconds:.2f} seconds", "timeout")


def exit_fault(status: int, *, out_of_memory: bool) -> Fault:
    """The runtime's process ended. `status` is its exit status, or minus the signal that killed it."""
    if out_of_memory:
        return Fault("Runtime.OutOfMemory", "Runtime exited with error: signal: killed")
    if status == 0:
        return Fault("Runtime.ExitError", "Runtime exited without providing a reason")
    if status > 0:
        return Fault("Runtime.ExitError", f"Runtime exited with error: exit status {status}")
    return Fault("Runtime.ExitError", f"Runtime exited with error: signal: {_describe_signal(-status)}")


def describe_end(status: int) -> str:
    """How a process of an extension ended, in the words of AWS's platform. `status` as for `exit_fault`."""
    if status == 0:
        return "exit code 0"
    return f"exit status {status}" if status > 0 else f"signal: {_describe_signal(-status)}"


def response_too_large() -> InvocationResult:
    """The function answered more than a buffered response may hold."""
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_SYNC_MAX_BYTES} bytes)."
    body = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
    return InvocationResult(json.dumps(body, separators=(",", ":")).encode(), UNHANDLED)


def stream_too_large() -> InvocationResult:
    """The function streamed more than a response may hold; what came before has gone out."""
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_STREAM_MAX_BYTES} bytes)."
    return InvocationResult(json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}).encode(), UNHANDLED)


def error_of(result: InvocationResult) -> tuple[str, str]:
    """Type and message of the error that the function, or the platform for it, has answered; empty if they are not understood."""
    if len(result.payload) > _ERROR_READ_MAX_BYTES:
        return "", ""
    try:
        error = msgspec.json.decode(result.payload, type=_Error)
    except (msgspec.DecodeError, RecursionError):
        return "", ""
    return error.errorType, error.errorMessage[:_MESSAGE_MAX_LENGTH]


def _reported_message(body: bytes) -> str | None:
    """None for what no program of ours has sent."""
    try:
        message = msgspec.json.decode(body, type=_Report).errorMessage
    except msgspec.DecodeError:
        return None
    return message if len(message) <= _MESSAGE_MAX_LENGTH else None


class _Error(msgspec.Struct, frozen=True):
    errorType: str = ""  # noqa: N815 - as it is on the wire
    errorMessage: str = ""  # noqa: N815


class _Report(msgspec.Struct, frozen=True):
    errorMessage: str  # noqa: N815 - as it is on the wire


def _describe_signal(number: int) -> str:
    return _SIGNALS[number - 1] if number <= len(_SIGNALS) else f"signal {number}"
