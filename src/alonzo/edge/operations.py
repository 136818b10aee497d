"""What an operation of an AWS API looks like to those who implement it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alonzo.aws.identity import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """What an operation may know of its call beside the parameters."""

    caller: Caller
    request_id: str
    base_url: str
    """This endpoint as the client reached it, without a slash at the end: `http://127.0.0.1:4566`."""
    trace_header: bytes | None
    """`X-Amzn-Trace-Id`, if the client sent it."""


OperationHandler = Callable[[CallContext, dict[str, Any]], Awaitable[dict[str, Any]]]
"""From parsed and validated parameters to the members of the output, both by botocore's names. Members of None are left out.
It raises `ApiError`, or any other `AlonzoError` that the table of errors knows."""

OperationTable = Mapping[str, OperationHandler]
"""The operations of one service that are there, by their names in its model."""

StreamHandler = Callable[[CallContext, dict[str, Any]], Awaitable[AsyncIterator[bytes]]]
"""An operation that is answered with a stream: from parameters to messages of an event stream. It raises as others do, before the first."""

StreamTable = Mapping[str, StreamHandler]
"""Those of one service, by their names in its model."""
