"""Has every mapping that is enabled polled, and has the others go where they are on their way to."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from alonzo.event_sources.transitions import MappingTransitions
from alonzo.model.event_source_mapping import EventSource, EventSourceMapping, MappingState
from alonzo.sources.holders import Holders
from alonzo.sources.leases import UnitLeases, UnitRecord
from alonzo.sources.mapping_run import MappingRun
from alonzo.sources.source import PollerKit, SourceOpener
from alonzo.store.errors import StoreError
from alonzo.store.records import RecordTable

_RETRY_SECONDS = 1.0
_Key = tuple[str, ...]

_log = logging.getLogger(__name__)


class EventPollers:
    """One a node; does its work while `run` runs. Without mappings it waits for one, and nothing else happens.

    `openers`: by kind of source; a mapping of a kind that is not there is enabled and not polled.
    """

    def __init__(
        self,
        *,
        mappings: RecordTable[EventSourceMapping],
        units: RecordTable[UnitRecord],
        leases: UnitLeases,
        holders: Holders,
        transitions: MappingTransitions,
        openers: Mapping[EventSource, SourceOpener],
        make_kit: Callable[[EventSourceMapping], PollerKit],
    ) -> None:
        self._mappings = mappings
        self._units = units
        self._leases = leases
        self._holders = holders
        self._transitions = transitions
        self._openers = openers
        self._make_kit = make_kit
        self._runs: dict[_Key, MappingRun] = {}
        self._changed: dict[_Key, None] = {}
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._all_ended = asyncio.Event()
        self._all_ended.set()

    async def run(self) -> None:
        """Component: until cancelled, when what is in hand is cut off and comes again. `drain` before."""
        unsubscribes = (self._mappings.subscribe(self._on_mapping), self._units.subscribe(self._on_unit))
        self._holders.subscribe(self._on_holders)
        try:
            for key, mapping in self._mappings.iter_prefix(()):
                self._on_mapping(key, mapping)
            await self._forget_orphans()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._holders.run(self._is_polling))
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    while self._changed:
                        key, _ = self._changed.popitem()
                        self._reconcile(key, group)
        finally:
            for unsubscribe in unsubscribes:
                unsubscribe()

    async def drain(self, *, timeout_seconds: float) -> bool:
        """Take no more records and finish what is in hand; whether all of it was in time."""
        self._is_stopping = True
        for run in self._runs.values():
            run.stop()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._all_ended.wait()
        except TimeoutError:
            return False
        return True

    def _is_polling(self) -> bool:
        return bool(self._runs)

    def _on_mapping(self, key: _Key, mapping: EventSourceMapping | None) -> None:
        del mapping
        self._changed[key] = None
        self._wake.set()

    def _on_unit(self, key: _Key, record: UnitRecord | None) -> None:
        if record is None or record.holder is None:
            self._transitions.look(key[:3])

    def _on_holders(self) -> None:
        for run in self._runs.values():
            run.look_again()
        for key, _ in self._mappings.iter_prefix(()):
            self._transitions.look(key)

    def _reconcile(self, key: _Key, group: asyncio.TaskGroup) -> None:
        mapping, run = self._mappings.find(key), self._runs.get(key)
        is_wanted = mapping is not None and mapping.state is MappingState.ENABLED and not self._is_stopping
        if run is not None:
            if mapping is None or not is_wanted or _is_other(run.mapping, mapping):
                run.stop()
        elif is_wanted:
            assert mapping is not None
            opener = self._openers.get(mapping.source)
            if opener is not None:
                run = self._runs[key] = MappingRun(mapping=mapping, open_source=opener, kit=self._make_kit(mapping), leases=self._leases)
                self._all_ended.clear()
                group.create_task(self._run(key, run))
        elif mapping is None:
            group.create_task(self._forget(key))

    async def _run(self, key: _Key, run: MappingRun) -> None:
        try:
            await run.run()
        finally:
            del self._runs[key]
            self._transitions.look(key)
            self._changed[key] = None  # it may be wanted again, with other settings
            self._wake.set()
            if not self._runs:
                self._all_ended.set()

    async def _forget(self, key: _Key) -> None:
        while True:
            try:
                await self._leases.forget(key)
            except StoreError as error:
                _log.warning("checkpoints of mapping %s are forgotten later: %s", key[-1], error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _forget_orphans(self) -> None:
        try:
            await self._leases.forget_orphans(self._mappings)
        except StoreError as error:
            _log.info("checkpoints of mappings that are gone stay until the next start: %s", error)


def _is_other(before: EventSourceMapping, after: EventSourceMapping) -> bool:
    return _what_is_polled(before) != _what_is_polled(after)


def _what_is_polled(mapping: EventSourceMapping) -> tuple[object, ...]:
    return mapping.settings, mapping.sealed_filters, mapping.function_name, mapping.qualifier
