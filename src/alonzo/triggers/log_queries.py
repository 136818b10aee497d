"""Queries of Logs Insights: run beside everything else, one thread each, and kept for a while.

A query reads its groups from the store and computes in a thread: the event loop only fetches. Results are in the memory of the node that
was asked.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.model.scope import Scope
from alonzo.observe.insights.query import Query, Result
from alonzo.observe.insights.rows import EventBatch, EventRow, Row
from alonzo.store.log_page import LogBatch
from alonzo.store.log_stream import LogStore
from alonzo.triggers.log_groups import LogGroups, LogLimitExceeded

_KEPT_MAX = 200
_AT_ONCE = 2
_WAITING_MAX = 30
"""Source: quotas of CloudWatch Logs, "StartQuery: concurrency"."""

_SECONDS_MAX = 3_600.0

_log = logging.getLogger(__name__)


class QueryNotFound(AlonzoError):
    """There is none of that id, or it was long ago."""

    def __init__(self, query_id: str) -> None:
        super().__init__(f"Query not found: {query_id}")


class _Stopped(Exception):
    """StopQuery."""


@dataclass(slots=True, kw_only=True)
class LogQuery:
    """One query and what has come of it. `status`: of botocore's `QueryStatus`."""

    query_id: str
    scope: Scope
    text: str
    query: Query
    groups: tuple[str, ...]
    start_ms: int
    end_ms: int
    created_unix_ms: int
    status: str = "Scheduled"
    results: list[Result] = field(default_factory=list)
    matched_count: int = 0
    scanned_count: int = 0
    scanned_bytes: int = 0
    ends_at: float = 0.0
    is_stopped: bool = False

    def note_matched(self) -> None:
        """An event is what is looked for, whether or not it is in the result."""
        self.matched_count += 1


class LogQueries:
    """One a node."""

    def __init__(self, *, logs: LogStore, groups: LogGroups, clock: Clock, new_uuid: Callable[[], str]) -> None:
        self._logs = logs
        self._groups = groups
        self._clock = clock
        self._new_uuid = new_uuid
        self._kept: OrderedDict[str, LogQuery] = OrderedDict()
        self._waiting: asyncio.Queue[LogQuery] = asyncio.Queue(_WAITING_MAX)

    async def run(self) -> None:
        """Component: runs queries until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(self._run_queries())

    async def start(self, scope: Scope, *, query: Query, text: str, groups: tuple[str, ...], start_ms: int, end_ms: int) -> str:
        """The id of a new query. LogResourceNotFound of a group, LogLimitExceeded."""
        for group in groups:
            await self._groups.check_group(scope, group)
        new = LogQuery(
            query_id=self._new_uuid(),
            scope=scope,
            text=text,
            query=query,
            groups=groups,
            start_ms=start_ms,
            end_ms=end_ms,
            created_unix_ms=self._clock.unix_ms(),
        )
        try:
            self._waiting.put_nowait(new)
        except asyncio.QueueFull as full:
            raise LogLimitExceeded from full
        self._kept[new.query_id] = new
        while len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)[1].is_stopped = True
        return new.query_id

    def get(self, scope: Scope, query_id: str) -> LogQuery:
        """QueryNotFound."""
        query = self._kept.get(query_id)
        if query is None or query.scope != scope:
            raise QueryNotFound(query_id)
        return query

    def list(self, scope: Scope) -> list[LogQuery]:
        """The newest first."""
        return [query for query in reversed(self._kept.values()) if query.scope == scope]

    def stop(self, scope: Scope, query_id: str) -> bool:
        """Whether it was still to be done. QueryNotFound."""
        query = self.get(scope, query_id)
        if query.status not in {"Scheduled", "Running"}:
            return False
        query.is_stopped, query.status = True, "Cancelled"
        return True

    async def _run_queries(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            query = await self._waiting.get()
            if query.is_stopped:
                continue
            query.status, query.ends_at = "Running", self._clock.monotonic() + _SECONDS_MAX
            # A pool of its own, ended with the query: a thread that computes is not waited for by anybody else.
            with _Threads() as threads:
                try:
                    await loop.run_in_executor(threads, partial(self._compute, query, loop))
                except _Stopped:
                    query.status = "Cancelled"
                except TimeoutError:
                    query.status = "Timeout"
                except AlonzoError as error:
                    _log.warning("query %s failed: %s", query.query_id, error)
                    query.status = "Failed"
                except Exception:  # a query ends here
                    _log.exception("query %s failed", query.query_id)
                    query.status = "Failed"
                except asyncio.CancelledError:
                    query.is_stopped = True
                    raise
                else:
                    query.status = "Complete"

    def _compute(self, query: LogQuery, loop: asyncio.AbstractEventLoop) -> None:
        query.results = list(query.query.run(self._iter_rows(query, loop), note_matched=query.note_matched))

    def _iter_rows(self, query: LogQuery, loop: asyncio.AbstractEventLoop) -> Iterator[Row]:
        """In the thread, in no order: batches are fetched by the event loop."""
        for group in query.groups:
            log = f"{query.scope.account_id}:{group}"
            kept = self._groups.find(query.scope, group)
            earliest_ms = max(query.start_ms, 0 if kept is None else kept.earliest_kept_ms(self._clock.unix_ms()))
            for stored in self._iter_batches(query, loop, group, earliest_ms):
                batch = EventBatch(stored.arrived_ms, stored.stream, log, f"{group}|{stored.sequence}")
                for index, event in enumerate(self._logs.unpack(stored)):
                    if earliest_ms <= event.unix_ms <= query.end_ms:
                        query.scanned_count += 1
                        query.scanned_bytes += len(event.message)
                        yield EventRow(event.unix_ms, event.message, index, batch)

    def _iter_batches(self, query: LogQuery, loop: asyncio.AbstractEventLoop, group: str, earliest_ms: int) -> Iterator[LogBatch]:
        def read(position: int | None) -> Future[tuple[list[LogBatch], int | None]]:
            reading = self._logs.read_batches(
                scope=query.scope,
                group=group,
                start_ms=earliest_ms,
                end_ms=query.end_ms,
                lateness_ms=self._groups.lateness_ms(query.scope, group),
                position=position,
            )
            return asyncio.run_coroutine_threadsafe(reading, loop)

        reading = read(None)
        try:
            while True:
                if query.is_stopped:
                    raise _Stopped
                if self._clock.monotonic() > query.ends_at:
                    raise TimeoutError
                batches, position = reading.result()
                if position is not None:
                    reading = read(position)  # meanwhile these are looked at
                yield from batches
                if position is None:
                    return
        finally:
            reading.cancel()


class _Threads(ThreadPoolExecutor):
    """One thread, which nobody waits for when the node ends meanwhile: it stops at the next page."""

    def __init__(self) -> None:
        super().__init__(max_workers=1, thread_name_prefix="log-query")

    def __exit__(self, *_: object) -> None:
        self.shutdown(wait=False, cancel_futures=True)
