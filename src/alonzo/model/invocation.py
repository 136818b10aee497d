"""One invocation: what is asked of a function, and what came of it.

Structs and not dataclasses: one of each is made for every invocation, and a frozen dataclass costs five times as much to make.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from alonzo.model.trace_header import TraceHeader


class InvocationType(StrEnum):
    """Source: botocore shape `InvocationType`."""

    REQUEST_RESPONSE = "RequestResponse"
    EVENT = "Event"
    DRY_RUN = "DryRun"


class InitializationType(StrEnum):
    """What AWS_LAMBDA_INITIALIZATION_TYPE says in an environment."""

    ON_DEMAND = "on-demand"
    PROVISIONED_CONCURRENCY = "provisioned-concurrency"
    SNAP_START = "snap-start"
    MANAGED_INSTANCES = "lambda-managed-instances"


class ResponseSink(Protocol):
    """Takes a streamed response as it comes."""

    def note_type(self, content_type: str) -> None:
        """Be told the media type, before the first part; empty if the runtime names none."""
        ...

    def write(self, part: bytes) -> bool:
        """Take a part. False: no more now, until `when_drained` calls back."""
        ...

    def when_drained(self, resume: Callable[[], None]) -> None:
        """Call `resume` once, as soon as more can be taken."""
        ...


class Queued(msgspec.Struct, frozen=True, gc=False):
    """Of an asynchronous invocation: when its event was accepted, and which try this is, the first being 1."""

    accepted_unix_ms: int
    attempt: int


class Invocation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request to run a function once. `client_context` is the decoded JSON text; `trace_header` an X-Ray tracing header.

    `trace`: where Lambda records it, the trace and the segment that the function's own comes of.
    """

    request_id: str
    payload: bytes
    invoked_function_arn: str
    trace_header: str
    client_context: str | None = None
    wants_log_tail: bool = False
    sink: ResponseSink | None = None
    """Where a streamed response goes; None: it is collected, like any other."""
    queued: Queued | None = None
    """None: somebody waits for the answer."""
    trace: TraceHeader | None = None


class InvocationResult(msgspec.Struct, frozen=True, gc=False):
    """What the caller gets: the function's payload, or with `function_error` the description of the user's error.

    Of a streamed response it is what is left to say: nothing, or the error that ended the stream.
    """

    payload: bytes
    function_error: str | None = None
    log_tail: bytes = b""


UNHANDLED = "Unhandled"
"""The value of X-Amz-Function-Error."""
