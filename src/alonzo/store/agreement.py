"""What one worker knows of the records, all live workers know before a client hears of it.

Every worker has a copy of the records that the store's feeds keep up to date, each in its own time. A client whose connections lead to
several workers would notice: a function updated here, and invoked there as it was. So before an answer of the control plane goes out, be
it to a change or to a question, the worker asks the others to catch up with all that its own copy shows. Nothing is asked when nothing
has changed since the last time.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from alonzo.store.members import Members
from alonzo.store.peer_calls import PeerCalls
from alonzo.store.records import RecordTable

_TOPIC = "agree"
_PATIENCE_SECONDS = 5.0
"""With a worker that lives and does not answer. One that has died is not waited for."""

_log = logging.getLogger(__name__)


class Agreement:
    """Over these tables, by name. `settle` does what follows from changes, before a worker says that it knows them."""

    def __init__(
        self,
        *,
        tables: Mapping[str, RecordTable[Any]],
        members: Members,
        peers: PeerCalls,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._tables = {**tables, "members": members.table}
        self._members = members
        self._peers = peers
        self._settle = settle
        self._agreed: dict[str, int] = {}
        peers.answer(_TOPIC, self._on_asked)

    async def agree(self) -> None:
        """Return when all live workers know what is known here."""
        wanted = {
            name: table.applied_revision for name, table in self._tables.items() if table.applied_revision > self._agreed.get(name, 0)
        }
        if not wanted:
            return
        await self._settle()
        answers = await self._ask(wanted)
        silent = [peer for peer, answer in answers.items() if answer is None and peer in self._members.others]
        if silent:
            _log.warning("workers %s have not caught up within %.0f s", ", ".join(silent), _PATIENCE_SECONDS)
            return
        for name, revision in wanted.items():
            self._agreed[name] = max(self._agreed.get(name, 0), revision)

    async def join(self, revision: int) -> None:
        """After becoming a member, which that revision says: have the others know, and catch up with what they agreed on before."""
        answers = await self._ask({"members": revision})
        for answer in answers.values():
            if answer is not None:
                await self._catch_up(answer)

    async def _ask(self, revisions: Mapping[str, int]) -> dict[str, bytes | None]:
        question = msgspec.msgpack.encode(revisions)
        return await self._peers.ask_all(self._members.others, _TOPIC, question, timeout_seconds=_PATIENCE_SECONDS)

    async def _on_asked(self, question: bytes) -> bytes:
        await self._catch_up(question)
        await self._settle()
        return msgspec.msgpack.encode({name: table.applied_revision for name, table in self._tables.items()})

    async def _catch_up(self, revisions: bytes) -> None:
        for name, revision in msgspec.msgpack.decode(revisions, type=dict[str, int]).items():
            table = self._tables.get(name)
            if table is not None:
                await table.reach(revision)
