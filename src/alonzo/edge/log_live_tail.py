"""StartLiveTail: events of log groups as they are stored, as a stream of messages, one a second.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html. Its clients put `stream-` in front of
the host's name, unless they are told not to.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.aws.event_stream import encode_event, encode_message
from alonzo.clock import Clock
from alonzo.edge.log_requests import checked_pattern, group_of, invalid
from alonzo.edge.operations import CallContext, StreamTable
from alonzo.model.log_event import LogEvent
from alonzo.observe.filter_patterns.pattern import FilterPattern
from alonzo.store.log_stream import LogStore
from alonzo.triggers.log_groups import LogGroups, LogResourceNotFound

_INTERVAL_SECONDS = 1.0
_EVENTS_AN_UPDATE = 500
"""More are left out, and the update says so. Source: the operation's page."""

_WAITING_MAX = 5_000
_SESSION_SECONDS = 3 * 3_600.0
_JSON = "application/x-amz-json-1.1"
Members = dict[str, Any]


class LiveTail:
    """`session` is a `StreamHandler`."""

    def __init__(self, *, logs: LogStore, groups: LogGroups, clock: Clock, new_uuid: Callable[[], str]) -> None:
        self._logs = logs
        self._groups = groups
        self._clock = clock
        self._new_uuid = new_uuid

    def table(self) -> StreamTable:
        """The operation by its name in botocore's `logs` model."""
        return {"StartLiveTail": self.start}

    async def start(self, call: CallContext, parameters: dict[str, Any]) -> AsyncIterator[bytes]:
        """The messages of a session. ApiError."""
        identifiers = parameters["logGroupIdentifiers"]
        names, prefixes = parameters.get("logStreamNames"), parameters.get("logStreamNamePrefixes")
        if names and prefixes:
            raise invalid("logStreamNames and logStreamNamePrefixes cannot be specified together.")
        if (names or prefixes) and len(identifiers) > 1:
            raise invalid("Log streams can be specified for a single log group only.")
        for identifier in identifiers:
            try:
                await self._groups.check_group(call.caller.scope, group_of({"logGroupIdentifier": identifier}))
            except LogResourceNotFound as error:
                raise ApiError(code="ResourceNotFoundException", message=str(error), http_status=400) from error
        waiting = _Waiting(
            pattern=checked_pattern(parameters.get("logEventFilterPattern") or ""),
            names=frozenset(names or ()),
            prefixes=tuple(prefixes or ()),
            clock=self._clock,
        )
        return self._session(call, parameters, waiting)

    async def _session(self, call: CallContext, parameters: dict[str, Any], waiting: "_Waiting") -> AsyncIterator[bytes]:
        ends_at = self._clock.monotonic() + _SESSION_SECONDS
        async with AsyncExitStack() as stack:
            for identifier in parameters["logGroupIdentifiers"]:
                stop: Callable[[], Awaitable[None]] = await self._logs.follow(
                    scope=call.caller.scope,
                    group=group_of({"logGroupIdentifier": identifier}),
                    listener=partial(waiting.add, identifier),
                )
                stack.push_async_callback(stop)
            yield _message("initial-response", {})
            yield _message("sessionStart", {"requestId": call.request_id, "sessionId": self._new_uuid(), **parameters})
            while self._clock.monotonic() < ends_at:
                await asyncio.sleep(_INTERVAL_SECONDS)
                events, is_sampled = waiting.take()
                yield _message("sessionUpdate", {"sessionMetadata": {"sampled": is_sampled}, "sessionResults": events})
            yield _exception("SessionTimeoutException", "The session has timed out.")


class _Waiting:
    """What has come since the last message: bounded."""

    def __init__(self, *, pattern: FilterPattern, names: frozenset[str], prefixes: tuple[str, ...], clock: Clock) -> None:
        self._pattern = pattern
        self._names = names
        self._prefixes = prefixes
        self._clock = clock
        self._batches: deque[tuple[str, str, int, Sequence[LogEvent]]] = deque()
        self._count = 0
        self._is_sampled = False

    def add(self, identifier: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Events of a group that have just been stored."""
        if (self._names and stream not in self._names) or (self._prefixes and not stream.startswith(self._prefixes)):
            return
        if self._count >= _WAITING_MAX:
            self._is_sampled = True
            return
        self._count += len(events)
        self._batches.append((identifier, stream, self._clock.unix_ms(), events))

    def take(self) -> tuple[list[Members], bool]:
        """Those that the pattern chooses, and whether there were more."""
        batches, self._batches, self._count = self._batches, deque(), 0
        is_sampled, self._is_sampled = self._is_sampled, False
        found: list[Members] = []
        for identifier, stream, arrived_ms, events in batches:
            for event in events:
                if self._pattern.match(event.message) is None:
                    continue
                if len(found) >= _EVENTS_AN_UPDATE:
                    return found, True
                found.append(_described(identifier, stream, arrived_ms, event))
        return found, is_sampled


def _described(identifier: str, stream: str, arrived_ms: int, event: LogEvent) -> Members:
    return {
        "logGroupIdentifier": identifier,
        "logStreamName": stream,
        "message": event.message,
        "timestamp": event.unix_ms,
        "ingestionTime": arrived_ms,
    }


def _message(event_type: str, content: Members) -> bytes:
    return encode_event(event_type, msgspec.json.encode(content), content_type=_JSON)


def _exception(kind: str, message: str) -> bytes:
    headers = {":exception-type": kind, ":content-type": _JSON, ":message-type": "exception"}
    return encode_message(headers, msgspec.json.encode({"message": message}))
