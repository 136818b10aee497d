"""Asynchronous invocation: an event that was accepted, and how it ended.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html.
"""

from enum import StrEnum

import msgspec

from alonzo.model.scope import Scope


class Condition(StrEnum):
    """Why an event is done, in the words of the invocation records that destinations get."""

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    EVENT_AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"
    """The function may not run at all: the event is not even tried."""
    RECURSIVE_INVOCATION = "RecursiveInvocation"
    """The function was stopped in a recursive loop. AWS's word for it is not known."""


class AcceptedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered with 202: it runs at least once, whatever happens to the node."""

    scope: Scope
    request_id: str
    function_name: str
    qualifier: str | None
    """As the caller gave it: resolved each time the event is tried."""
    payload: bytes
    trace_header: str
    client_context: str | None = None
    accepted_unix_ms: int


class EventOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an event ended. `payload` is what the function answered last, None if it never ran."""

    event: AcceptedEvent
    condition: Condition
    invoke_count: int
    """How often the function was run for it (`approximateInvokeCount`)."""
    executed_version: str
    function_error: str | None = None
    payload: bytes | None = None
    ended_unix_ms: int
