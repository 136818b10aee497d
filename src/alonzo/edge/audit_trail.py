"""Records of what was asked of the AWS API, written a batch at a time, beside the way of requests."""

import asyncio
import contextlib
import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from alonzo.aws.operation_names import OperationNames
from alonzo.clock import Clock
from alonzo.edge.audit_records import AuditedCall, audit_record, is_management_event
from alonzo.edge.passed_calls import PassedCall, passed_record
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


@dataclass(frozen=True, slots=True)
class _Passed:
    """Noted, and no record yet."""

    call: PassedCall
    event_id: str
    at: datetime


class AuditTrail:
    """One a node. `run` belongs in the parent's task group; cancelled, it writes what waits. `names`: of other services' operations."""

    def __init__(self, *, appender: AuditAppender, names: OperationNames, clock: Clock) -> None:
        self._appender = appender
        self._names = names
        self._clock = clock
        self._ids = IdSource()
        self._waiting: deque[tuple[Scope, bytes | _Passed]] = deque()
        self._dropped_count = 0
        self._has_work = asyncio.Event()

    def note(self, call: AuditedCall) -> None:
        """A call has been answered. When more come than can be written, the latest are dropped, and that is said."""
        if is_management_event(call) and self._has_room():
            # Made now: a call may hold 70 MB of code, a record holds none.
            record = audit_record(call, event_id=self._ids.new_uuid(), at=self._clock.now())
            self._waiting.append((call.caller.scope, _encoded(record)))
            self._has_work.set()

    def note_passed(self, call: PassedCall) -> None:
        """The same of a call of another service."""
        if call.is_to_be_recorded and self._has_room():
            self._waiting.append((call.scope, _Passed(call, self._ids.new_uuid(), self._clock.now())))
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

    def _has_room(self) -> bool:
        if len(self._waiting) < _WAITING_MAX:
            return True
        self._dropped_count += 1
        return False

    async def _flush(self) -> bool:
        """False when the store does not take them now."""
        self._has_work.clear()
        if self._dropped_count:
            count, self._dropped_count = self._dropped_count, 0
            _log.warning("%d API calls are not in the audit trail: too many came at once", count)
        while self._waiting:
            batch = [self._waiting[index] for index in range(min(_BATCH_MAX, len(self._waiting)))]
            by_scope: dict[Scope, list[bytes]] = {}
            # Models of services may have to be read for it.
            has_passed = any(isinstance(entry, _Passed) for _, entry in batch)
            for scope, record in await asyncio.to_thread(self._made, batch) if has_passed else batch:
                if isinstance(record, bytes):
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

    def _made(self, batch: list[tuple[Scope, bytes | _Passed]]) -> list[tuple[Scope, bytes]]:
        made = ((scope, entry if isinstance(entry, bytes) else self._record(entry)) for scope, entry in batch)
        return [(scope, record) for scope, record in made if record is not None]

    def _record(self, passed: _Passed) -> bytes | None:
        try:
            record = passed_record(passed.call, self._names, event_id=passed.event_id, at=passed.at)
        except Exception:  # a record ends here: the trail goes on without it
            _log.exception("a call of %s is not in the audit trail", passed.call.request.service, extra={"event_id": passed.event_id})
            return None
        return None if record is None else _encoded(record)


def _encoded(record: dict[str, Any]) -> bytes:
    return msgspec.json.encode(record, enc_hook=str)


__all__ = ["AuditTrail", "AuditedCall"]
