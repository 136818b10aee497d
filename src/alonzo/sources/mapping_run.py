"""One mapping while it is polled at this node."""

import asyncio
import logging
from collections.abc import Sequence

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.backoff import Backoff, wait
from alonzo.sources.errors import LeaseLost, SourceProblem
from alonzo.sources.leases import HeldUnit, UnitLeases
from alonzo.sources.source import PollerKit, Source, SourceOpener, Unit
from alonzo.store.errors import StoreError

_LOOK_SECONDS = 5.0
"""New shards and partitions are noticed after as long."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 15.0

_log = logging.getLogger(__name__)


class MappingRun:
    """`run` once. `stop`: have everything in hand finished, then `run` returns. Cancelled, `run` gives all units back at once."""

    def __init__(self, *, mapping: EventSourceMapping, open_source: SourceOpener, kit: PollerKit, leases: UnitLeases) -> None:
        self.mapping = mapping
        self._open_source = open_source
        self._kit = kit
        self._leases = leases
        self._held: dict[str, HeldUnit] = {}
        self._stopping = asyncio.Event()
        self._look = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()
        self._look.set()
        for held in self._held.values():
            held.stopping.set()

    def look_again(self) -> None:
        """Nodes came or went: other units may be this one's now."""
        self._look.set()

    async def run(self) -> None:
        """Until `stop`, or cancelled."""
        backoff = _backoff()
        while not self._stopping.is_set():
            source = await self._open()
            if source is None:
                await backoff.pause(self._stopping)
                continue
            try:
                await self._poll_units(source)
            finally:
                await source.aclose()

    async def _open(self) -> Source | None:
        try:
            return await self._open_source(self.mapping, self._kit)
        except Exception as error:  # whatever it is, it is the mapping's problem and ends here
            self._note_problem(error)
            return None

    async def _poll_units(self, source: Source) -> None:
        backoff = _backoff()
        async with asyncio.TaskGroup() as group:
            while not self._stopping.is_set():
                self._look.clear()
                try:
                    units = await source.list_units()
                    await self._acquire(source, units, group)
                    await self._forget_trimmed(units)
                except Exception as error:
                    self._note_problem(error)
                    await backoff.pause(self._stopping)
                else:
                    backoff.reset()
                    await wait(self._look, _LOOK_SECONDS)

    async def _acquire(self, source: Source, units: Sequence[Unit], group: asyncio.TaskGroup) -> None:
        mapping, leases = self.mapping, self._leases
        names = {unit.name for unit in units}
        for name, polled in self._held.items():
            if name not in names:
                polled.stopping.set()  # trimmed away, or of a stream that was deleted and made again
        for unit in units:
            if not leases.is_own(mapping, unit.name):
                if unit.name in self._held:
                    self._held[unit.name].stopping.set()
                continue
            if unit.name in self._held or leases.is_finished(mapping, unit.name):
                continue
            if any(parent in names and not leases.is_finished(mapping, parent) for parent in unit.parents):
                continue
            held = await leases.acquire(mapping, unit.name)
            if held is None:
                continue
            if self._stopping.is_set():
                await held.release()
                return
            self._held[unit.name] = held
            group.create_task(self._poll(source, held))

    async def _forget_trimmed(self, units: Sequence[Unit]) -> None:
        """Units that are no longer there, by one node."""
        if units and self._leases.is_own(self.mapping, ""):
            await self._leases.forget_but(self.mapping, frozenset(unit.name for unit in units))

    async def _poll(self, source: Source, held: HeldUnit) -> None:
        is_lost = False
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(held.run())
                await self._poll_again_and_again(source, held)
                writing.cancel()
        except* LeaseLost as lost:
            is_lost = True
            _log.warning("%s", lost.exceptions[0])
        finally:
            if is_lost:
                held.abandon()
            else:
                await held.release()
            del self._held[held.name]
            self._look.set()

    async def _poll_again_and_again(self, source: Source, held: HeldUnit) -> None:
        backoff = _backoff()
        while not (held.stopping.is_set() or held.is_finished):
            before = held.checkpoint
            try:
                await source.poll(held)
            except Exception as error:
                self._note_problem(error)
                if held.checkpoint != before:
                    backoff.reset()
                await backoff.pause(held.stopping)

    def _note_problem(self, error: Exception) -> None:
        mapping = self.mapping
        self._kit.metrics.polling_failed()
        while isinstance(error, ExceptionGroup):  # of pollers that work together: the first one has ended the others
            error = error.exceptions[0]
        if isinstance(error, SourceProblem | AwsCallFailed | StoreError):
            _log.info("event source mapping %s: %s", mapping.uuid, error)
            self._kit.report(f"PROBLEM: {error}")
        else:
            _log.error("event source mapping %s cannot be polled", mapping.uuid, exc_info=error)
            self._kit.report("PROBLEM: Internal Lambda error. Please contact Lambda customer support.")


def _backoff() -> Backoff:
    return Backoff(first_seconds=_FIRST_PAUSE_SECONDS, longest_seconds=_LONGEST_PAUSE_SECONDS)
