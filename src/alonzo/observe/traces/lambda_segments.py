"""The segments that Lambda itself writes of a function with active tracing: the service's (`AWS::Lambda`) and the function's.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html (which there are and what is in them),
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html (`Restore`) and documents of BatchGetTraces. Names and times of
asynchronous invocations (`Dwell Time`, `Attempt #1`) as X-Ray's console shows them.
"""

import hashlib
from typing import Any, NamedTuple

import msgspec

from alonzo.model.function import FunctionVersion

SERVICE_ORIGIN = "AWS::Lambda"
FUNCTION_ORIGIN = "AWS::Lambda::Function"
ID_DIGITS = 16
PART_COUNT = 3
_OK = 200
_THROTTLED = 429
_SERVER_ERRORS = 500
_EXCEPTION_TEXT_MAX = 4_096


class Times(NamedTuple):
    """From when to when, in seconds since the epoch."""

    start: float
    end: float


class FunctionRun(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one invocation in an environment when it is over."""

    trace_id: str
    parent_id: str | None
    segment_id: str
    invocation_id: str
    """Of the subsegment `Invocation`, which is the parent of what the function sends."""
    part_ids: str
    """Of the other subsegments: the digits of three."""
    request_id: str
    invocation: Times
    ended_at: float
    """When the environment was done with it: the rest of the time is `Overhead`."""
    initialization: Times | None = None
    restore: Times | None = None
    error: tuple[str, str] | None = None
    """Its type and its message."""

    @property
    def times(self) -> Times:
        """Of the segment."""
        return Times(self.invocation.start, max(self.ended_at, self.invocation.end))

    def part_id(self, number: int) -> str:
        """Of the subsegment `Overhead` (0), of the one before the invocation (1), of an exception (2)."""
        return self.part_ids[ID_DIGITS * number : ID_DIGITS * (number + 1)]


class ServiceRun(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one request to Lambda when it is answered."""

    trace_id: str
    parent_id: str | None
    segment_id: str
    request_id: str
    times: Times
    status: int = _OK


Run = FunctionRun | ServiceRun


class OwnSegment(msgspec.Struct, frozen=True, gc=False):
    """What is known of an invocation: kept so, and written down when somebody asks for it, which is seldom."""

    version: FunctionVersion
    run: Run

    def document(self) -> bytes:
        """As X-Ray has it."""
        if isinstance(self.run, ServiceRun):
            return service_document(self.version, self.run)
        return function_document(self.version, self.run)


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One try of an asynchronous invocation, the first is number 1."""

    number: int
    times: Times
    status: int = _OK
    has_failed: bool = False


def derived_id(*parts: str) -> str:
    """The id of a segment that is told of several times, wherever that is: of the same parts the same one."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def function_document(version: FunctionVersion, run: FunctionRun) -> bytes:
    """The function's segment."""
    arn, whole = version.qualified_arn, run.times
    parts: list[dict[str, Any]] = []
    for name, times in (("Initialization", run.initialization), ("Restore", run.restore)):
        if times is not None:
            parts.append(_part(name, run.part_id(1), times, arn))
    failure = _failure(run)
    parts += [
        _part("Invocation", run.invocation_id, run.invocation, arn) | failure,
        _part("Overhead", run.part_id(0), Times(run.invocation.end, whole.end), arn),
    ]
    document = {
        "id": run.segment_id,
        "trace_id": run.trace_id,
        "parent_id": run.parent_id,
        "name": version.name,
        "origin": FUNCTION_ORIGIN,
        "start_time": whole.start,
        "end_time": whole.end,
        "aws": {
            "account_id": version.scope.account_id,
            "function_arn": arn,
            "resource_names": [version.name],
            "request_id": run.request_id,
            "cold_start": run.initialization is not None or run.restore is not None,
        },
        "resource_arn": arn,
        "subsegments": parts,
        **failure,
    }
    return msgspec.json.encode({name: value for name, value in document.items() if value is not None})


def service_document(version: FunctionVersion, run: ServiceRun) -> bytes:
    """The segment of the service Lambda."""
    return msgspec.json.encode(
        {
            "id": run.segment_id,
            "trace_id": run.trace_id,
            **({} if run.parent_id is None else {"parent_id": run.parent_id}),
            "name": version.name,
            "origin": SERVICE_ORIGIN,
            "start_time": run.times.start,
            "end_time": run.times.end,
            "http": {"response": {"status": run.status}},
            "aws": {"request_id": run.request_id, "account_id": version.scope.account_id, "function_arn": version.qualified_arn},
            "resource_arn": version.qualified_arn,
            **_flags(run.status),
        }
    )


def dwell_document(run: ServiceRun, times: Times) -> bytes:
    """The time that an event has lain in the queue before its first try. Sent alone, since other tries will follow."""
    return _alone(run, derived_id(run.segment_id, "dwell"), "Dwell Time", times, {})


def attempt_id(run_segment_id: str, number: int) -> str:
    """Of the subsegment of one try: the parent of the function's segment."""
    return derived_id(run_segment_id, str(number))


def attempt_document(run: ServiceRun, attempt: Attempt) -> bytes:
    """One try."""
    said = {"http": {"response": {"status": attempt.status}}, **_flags(attempt.status)}
    if attempt.has_failed:
        said["fault"] = True
    return _alone(run, attempt_id(run.segment_id, attempt.number), f"Attempt #{attempt.number}", attempt.times, said)


def _alone(run: ServiceRun, segment_id: str, name: str, times: Times, said: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "id": segment_id,
            "trace_id": run.trace_id,
            "parent_id": run.segment_id,
            "type": "subsegment",
            "name": name,
            "start_time": times.start,
            "end_time": times.end,
            **said,
        }
    )


def _part(name: str, part_id: str, times: Times, arn: str) -> dict[str, Any]:
    return {"id": part_id, "name": name, "start_time": times.start, "end_time": times.end, "aws": {"function_arn": arn}}


def _failure(run: FunctionRun) -> dict[str, Any]:
    if run.error is None:
        return {}
    kind, message = run.error
    exception = {"id": run.part_id(2), "type": _text(kind), "message": _text(message)}
    return {"fault": True, "cause": {"exceptions": [exception]}}


def _text(said: str) -> str:
    """What a function says may have halves of characters, which no document could be written with."""
    return said[:_EXCEPTION_TEXT_MAX].encode("utf-8", "replace").decode()


def _flags(status: int) -> dict[str, bool]:
    if status == _THROTTLED:
        return {"error": True, "throttle": True}
    if status >= _SERVER_ERRORS:
        return {"fault": True}
    return {"error": True} if status >= 400 else {}  # noqa: PLR2004
