"""The functions' logs: one JetStream stream that keeps the newest and drops the oldest when it is full.

CloudWatch's hierarchy (group, log stream, event) is the subject; one message is a batch of events of one log stream.

Not fsynced: the stream is in asynchronous persist mode (ADR-56), which acknowledges before the disk has the data, so a power loss or a
kill of the *server* costs the last moments; a kill of the node costs nothing that was acknowledged. On a cluster (several replicas) that
mode does not exist, and the ordinary one is taken.

Order. Batches arrive a little after their events happened. Reading relies on that "little", and reads so much more at both ends.
Events that are appended more than `LATENESS_MS` after their time are kept, but a read that does not know of it (`lateness_ms`) may
find them late in the order, or not within a time range.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import msgspec
from nats.aio.msg import Msg

from alonzo.model.invocation_lines import LogEntry
from alonzo.model.log_event import LogEvent
from alonzo.model.scope import Scope
from alonzo.store.connection import Connection
from alonzo.store.errors import StoreError
from alonzo.store.keys import from_token, to_subject, to_token
from alonzo.store.log_form import LogForm
from alonzo.store.log_page import Accept, LogBatch, LogPage, LogPageBuilder, LogPortion, LogRecord, LogSpan, LogTailBuilder, PageBuilder
from alonzo.store.portions import NOT_FOUND_STATUS, get_portion, iter_portions

LATENESS_MS = 2_000
_STREAM = "LOGS"
_SUBJECT_PREFIX = "alonzo.logs"
_MAX_MESSAGE_BYTES = 256 * 1024
_INLINE_MAX_BYTES = 64 * 1024
"""More is decoded in a thread: a portion of 4 MB takes 60 ms."""

_DIGITS_MAX = 18
"""Of the numbers in an event's id: more no stream will ever count."""

_FIRST_SPAN_MS = 10_000
_SPAN_GROWTH = 4
_SUBJECTS_REMEMBERED = 512
"""Of log streams that are written to: making one takes 10 µs."""

_ZERO = datetime.fromtimestamp(0, UTC)


class LogStore:
    """Made by `open`. Errors of all methods: `StoreUnavailable`; of `append` also `StoreFull`."""

    def __init__(self, *, connection: Connection) -> None:
        self._connection = connection
        self._form = LogForm()
        self._stream_subject = lru_cache(_SUBJECTS_REMEMBERED)(_stream_subject)

    @classmethod
    async def open(cls, connection: Connection, *, max_bytes: int) -> "LogStore":
        """Make the stream, or change its size. `StoreFull` when the disk has no room for that many bytes."""
        single = connection.replica_count == 1
        await connection.ensure_stream(
            {
                "name": _STREAM,
                "subjects": [f"{_SUBJECT_PREFIX}.>"],
                "max_bytes": max_bytes,
                "discard": "old",
                "allow_direct": True,
                **({"persist_mode": "async"} if single else {}),
            }
        )
        return cls(connection=connection)

    async def append(self, *, scope: Scope, group: str, stream: str, entries: Sequence[LogEntry]) -> None:
        """Add entries to a log stream, in their order of time. One message, but for batches over 256 KiB, which are split."""
        subject = self._stream_subject(scope, group, stream)
        for message in self._iter_messages(entries):
            await self._connection.publish(subject, message)

    async def append_all(self, portions: Sequence[LogPortion]) -> list[StoreError | None]:
        """The same for several log streams together; what has become of each. `StoreFull`: of all."""
        messages: list[tuple[str, bytes]] = []
        owners: list[int] = []
        for number, portion in enumerate(portions):
            subject = self._stream_subject(portion.scope, portion.group, portion.stream)
            for message in self._iter_messages(portion.entries):
                messages.append((subject, message))
                owners.append(number)
        results: list[StoreError | None] = [None] * len(portions)
        for owner, error in zip(owners, await self._connection.publish_all(messages), strict=True):
            results[owner] = results[owner] or error
        return results

    def _iter_messages(self, entries: Sequence[LogEntry]) -> Iterator[bytes]:
        if not entries:
            return
        together = self._form.encode(entries)
        if len(together) <= _MAX_MESSAGE_BYTES:
            yield together
        else:
            yield from map(self._form.encode, self._form.split(entries, max_bytes=_MAX_MESSAGE_BYTES))

    async def read(
        self,
        *,
        scope: Scope,
        group: str,
        stream: str | None = None,
        stream_prefix: str = "",
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int,
        position: str | None = None,
        lateness_ms: int = LATENESS_MS,
        accept: Accept | None = None,
        scan_max: int | None = None,
    ) -> LogPage:
        """At most `limit` events of a group, or of one stream, or of the streams whose names begin so, sorted by time, then by arrival.

        `start_ms` and `end_ms` are both included. `position` is the `position` of the page before. `lateness_ms`: how far apart the time
        of an event and its arrival may be; more for groups that others than functions write to. `accept`, called in a thread, chooses
        events; a page that is not complete may then have fewer than `limit`, even none, when about `scan_max` have been looked at.
        Source: FilterLogEvents of the CloudWatch Logs API. `ValueError` when the position is not one.
        """
        page = LogPageBuilder(start_ms=start_ms, end_ms=end_ms, limit=limit, position=position, accept=accept, scan_max=scan_max)
        subject = _subject(scope, to_token(group), ">" if stream is None else to_token(stream))
        await self._fill(page, subject, stream_prefix, lateness_ms)
        return page.build()

    async def read_back(
        self,
        *,
        scope: Scope,
        group: str,
        stream: str,
        start_ms: int = 0,
        end_ms: int | None = None,
        limit: int,
        position: str | None = None,
        lateness_ms: int = LATENESS_MS,
    ) -> LogPage:
        """The last `limit` events of a stream up to `end_ms`, or before the `start` of the page behind, in the order of time.

        Looked for in spans of time that grow towards the past: the end of a long stream is found without reading its beginning.
        """
        page = LogTailBuilder(start_ms=start_ms, end_ms=end_ms, limit=limit, position=position)
        subject = _subject(scope, to_token(group), to_token(stream))
        first = await self._get_one({"next_by_subj": subject, "seq": 1})
        last = await self._get_one({"last_by_subj": subject})
        if first is None or last is None:
            return page.build()
        earliest_ms = max(start_ms, _arrival_of(first) - lateness_ms)
        span_ms, latest_ms = _FIRST_SPAN_MS, min(page.latest_ms, _arrival_of(last) + lateness_ms)
        while latest_ms >= earliest_ms and not page.is_full:
            span = page.span(max(earliest_ms, latest_ms - span_ms), latest_ms)
            await self._fill(span, subject, "", lateness_ms)
            latest_ms = span.earliest_ms - 1
            span_ms *= _SPAN_GROWTH
        return page.build()

    async def read_batches(
        self, *, scope: Scope, group: str, start_ms: int, end_ms: int, lateness_ms: int = LATENESS_MS, position: int | None = None
    ) -> tuple[list[LogBatch], int | None]:
        """Some of the batches with a group's events of that time, in the order of arrival, and where to go on; None: that was all.

        For whoever looks at all events and needs no other order: no event is read twice. Batches have events of other times, too.
        """
        start = _since(start_ms - lateness_ms) if position is None else {"seq": position}
        messages, next_sequence = await get_portion(self._connection, _STREAM, _subject(scope, to_token(group), "*"), start)
        batches = [_batch_of(message) for message in messages]
        if batches and batches[-1].arrived_ms - lateness_ms > end_ms:
            next_sequence = None
        return batches, next_sequence

    def unpack(self, batch: LogBatch) -> Sequence[LogEvent]:
        """The events of a batch. In any thread."""
        return self._form.decode(batch.content)

    async def find_event(self, *, scope: Scope, group: str, event_id: str) -> LogRecord | None:
        """One event by its id (see `LogRecord`); None when it is not there, or not any more."""
        sequence, _, index = event_id.partition("-")
        if not (sequence.isdecimal() and index.isdecimal() and 0 < len(sequence) <= _DIGITS_MAX and len(index) <= _DIGITS_MAX):
            return None
        message = await self._get_one({"seq": int(sequence)})
        if message is None or not (message.headers or {})["Nats-Subject"].startswith(_subject(scope, to_token(group), "")):
            return None
        batch = _batch_of(message)
        events = self.unpack(batch)
        if int(index) >= len(events):
            return None
        event = events[int(index)]
        return LogRecord(event_id, event.unix_ms, event.message, batch.stream, batch.arrived_ms)

    async def follow(
        self, *, scope: Scope, group: str, listener: Callable[[str, Sequence[LogEvent]], None]
    ) -> Callable[[], Awaitable[None]]:
        """Tell of every batch of a group's events that is stored from here on, with the name of its stream; returns how to stop that.

        The listener must not block. What is stored while the connection is broken is not told.
        """

        def receive(message: Msg) -> None:
            listener(from_token(message.subject.rpartition(".")[2]), self._form.decode(message.data))

        subscription = await self._connection.subscribe(_subject(scope, to_token(group), "*"), receive)
        return partial(self._connection.unsubscribe, subscription)

    async def _fill(self, page: PageBuilder, subject: str, stream_prefix: str, lateness_ms: int) -> None:
        async for messages in iter_portions(self._connection, _STREAM, subject, _since(page.earliest_ms - lateness_ms)):
            if sum(len(message.data) for message in messages) > _INLINE_MAX_BYTES:
                is_done = await asyncio.to_thread(self._add, page, messages, stream_prefix, lateness_ms)
            else:
                is_done = self._add(page, messages, stream_prefix, lateness_ms)
            if is_done:
                return

    def _add(self, page: PageBuilder, messages: list[Msg], stream_prefix: str, lateness_ms: int) -> bool:
        """Whether no more are wanted."""
        for message in messages:
            headers = message.headers or {}
            arrived_ms = _arrival_of(message)
            if page.is_done(arrived_ms - lateness_ms - 1):
                return True
            name = from_token(headers["Nats-Subject"].rpartition(".")[2])
            if name.startswith(stream_prefix):
                page.add(int(headers["Nats-Sequence"]), name, arrived_ms, self._form.decode(message.data))
        return False

    async def list_groups(self, *, scope: Scope, prefix: str = "") -> list[str]:
        """The names of the groups that hold events, sorted."""
        subjects = await self._connection.list_subjects(_STREAM, _subject(scope, "*", "*"))
        groups = {from_token(subject.split(".")[-2]) for subject in subjects}
        return sorted(group for group in groups if group.startswith(prefix))

    async def list_streams(self, *, scope: Scope, group: str, prefix: str = "") -> list[str]:
        """The names of a group's log streams that hold events, sorted."""
        subjects = await self._connection.list_subjects(_STREAM, _subject(scope, to_token(group), "*"))
        streams = (from_token(subject.rpartition(".")[2]) for subject in subjects)
        return sorted(stream for stream in streams if stream.startswith(prefix))

    async def find_span(self, *, scope: Scope, group: str, stream: str) -> LogSpan | None:
        """From when to when a log stream has events; None when it has none."""
        subject = _subject(scope, to_token(group), to_token(stream))
        first = await self._get_one({"next_by_subj": subject, "seq": 1})
        last = await self._get_one({"last_by_subj": subject})
        if first is None or last is None:
            return None
        return LogSpan(
            first_event_ms=self._form.decode(first.data)[0].unix_ms,
            last_event_ms=self._form.decode(last.data)[-1].unix_ms,
            last_ingestion_ms=_arrival_of(last),
        )

    async def find_first_arrival(self, *, scope: Scope, group: str) -> int | None:
        """When the oldest batch of a group that is still there was stored, in milliseconds since 1970."""
        first = await self._get_one({"next_by_subj": _subject(scope, to_token(group), "*"), "seq": 1})
        return None if first is None else _arrival_of(first)

    async def delete_before(self, *, scope: Scope, group: str, before_ms: int) -> None:
        """Forget the events of a group that were stored before an instant, in milliseconds since 1970."""
        subject = _subject(scope, to_token(group), "*")
        # In this order: what is stored between the two has a higher number than the first of them says, and is kept.
        information = await self._connection.call(f"STREAM.INFO.{_STREAM}")
        request = {"next_by_subj": subject, "batch": 1, "start_time": _to_rfc3339(before_ms)}
        first, *_ = await self._connection.request_many(f"$JS.API.DIRECT.GET.{_STREAM}", msgspec.json.encode(request))
        sequence = (first.headers or {}).get("Nats-Sequence")
        keep_from = int(information["state"]["last_seq"]) + 1 if sequence is None else int(sequence)
        if keep_from > 1:
            await self._connection.call(f"STREAM.PURGE.{_STREAM}", {"filter": subject, "seq": keep_from})

    async def delete(self, *, scope: Scope, group: str, stream: str | None = None) -> None:
        """Forget a log stream, or a group with all its streams."""
        subject = _subject(scope, to_token(group), "*" if stream is None else to_token(stream))
        await self._connection.call(f"STREAM.PURGE.{_STREAM}", {"filter": subject})

    async def _get_one(self, request: dict[str, Any]) -> Msg | None:
        answer = await self._connection.request(f"$JS.API.DIRECT.GET.{_STREAM}", msgspec.json.encode(request))
        return None if (answer.headers or {}).get("Status") == NOT_FOUND_STATUS else answer


def _subject(scope: Scope, group_token: str, stream_token: str) -> str:
    return f"{_SUBJECT_PREFIX}.{to_subject((scope.account_id, scope.region))}.{group_token}.{stream_token}"


def _stream_subject(scope: Scope, group: str, stream: str) -> str:
    return _subject(scope, to_token(group), to_token(stream))


def _since(unix_ms: int) -> dict[str, Any]:
    return {"start_time": _to_rfc3339(unix_ms)} if unix_ms > 0 else {"seq": 1}


def _batch_of(message: Msg) -> LogBatch:
    headers = message.headers or {}
    stream = from_token(headers["Nats-Subject"].rpartition(".")[2])
    return LogBatch(int(headers["Nats-Sequence"]), stream, _arrival_of(message), message.data)


def _arrival_of(message: Msg) -> int:
    return _to_unix_ms((message.headers or {})["Nats-Time-Stamp"])


def _to_rfc3339(unix_ms: int) -> str:
    return (_ZERO + timedelta(milliseconds=unix_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _to_unix_ms(timestamp: str) -> int:
    """RFC 3339 with up to nine decimals, of which Python's parser takes six."""
    seconds, _, fraction = timestamp.removesuffix("Z").partition(".")
    instant = datetime.fromisoformat(f"{seconds}+00:00")
    return (instant - _ZERO) // timedelta(milliseconds=1) + int(fraction[:3].ljust(3, "0") or 0)
