"""Records of what was asked of the AWS API, written a batch at a time, beside the way of requests."""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Protocol

import msgspec

from alonzo.clock import Clock
from alonzo.edge.audit_records import AuditedCall, audit_record, is_management_event
from alonzo.ids import IdSource
from alonzo.model.scope import Scope
from alonzo.store.errors import StoreError

_PAUSE_SECONDS = 0.5
_RETRY_SECONDS = 5.0
_WAITING_MAX = 5_000
_BATCH_MAX = 100

_log = logging.getLogger(__name__)


class AuditAppender(Protocol):
    """Keeps records; see `AuditStore`."""

    async def append(self, scope: Scope, records: list[bytes]) -> None: ...


class AuditTrail:
    """One a node. `run` belongs in the parent's task group; cancelled, it writes what waits."""

    def __init__(self, *, appender: AuditAppender, clock: Clock) -> None:
        self._appender = appender
        self._clock = clock
        self._ids = IdSource()
        self._waiting: deque[tuple[Scope, bytes]] = deque()
        self._dropped_count = 0
        self._has_work = asyncio.Event()

    def note(self, call: AuditedCall) -> None:
        """A call has been answered. When more come than can be written, the latest are dropped, and that is said."""
        if not is_management_event(call):
            return
        if len(self._waiting) >= _WAITING_MAX:
            self._dropped_count += 1
            return
        # Made now: a call may hold 70 MB of code, a record holds none.
        record = audit_record(call, event_id=self._ids.new_uuid(), at=self._clock.now())
        self._waiting.append((call.caller.scope, msgspec.json.encode(record, enc_hook=str)))
        self._has_work.set()

    async def run(self) -> None:
        """Component: until cancelled."""
        try:
            while True:
                await self._has_work.wait()
                await asyncio.sleep(_PAUSE_SECONDS)
                if not await self._flush():
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_SECONDS):
                    await self._flush()

    async def _flush(self) -> bool:
        """False when the store does not take them now."""
        self._has_work.clear()
        if self._dropped_count:
            count, self._dropped_count = self._dropped_count, 0
            _log.warning("%d API calls are not in the audit trail: too many came at once", count)
        while self._waiting:
            batch = [self._waiting[index] for index in range(min(_BATCH_MAX, len(self._waiting)))]
            by_scope: dict[Scope, list[bytes]] = {}
            for scope, record in batch:
                by_scope.setdefault(scope, []).append(record)
            try:
                for scope, records in by_scope.items():
                    await self._appender.append(scope, records)
            except StoreError as error:
                _log.warning("the audit trail cannot be written, and is tried again: %s", error)
                self._has_work.set()
                return False
            for _ in batch:
                self._waiting.popleft()
        return True


__all__ = ["AuditTrail", "AuditedCall"]
