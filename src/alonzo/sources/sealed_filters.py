"""Sources of mappings whose filters are kept encrypted: polled as long as the key may be used.

Without its filters a mapping must not be polled: the function would get what it is not meant to see. The key is asked for again and again,
as on AWS, since who disables it means the mapping, too.
"""

from collections.abc import Awaitable, Callable, Sequence

from alonzo.event_sources.errors import FiltersUnreadable
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.errors import SourceProblem
from alonzo.sources.source import PolledUnit, PollerKit, Source, SourceOpener, Unit

_CHECK_SECONDS = 10.0
"""After as long without its key a mapping stops."""

Unseal = Callable[[EventSourceMapping], Awaitable[EventSourceMapping]]
"""`FilterSealing.unseal`."""


def opening_sealed(open_source: SourceOpener, unseal: Unseal) -> SourceOpener:
    """An opener of mappings whether their filters are encrypted or not."""

    async def open_unsealed(mapping: EventSourceMapping, kit: PollerKit) -> Source:
        if mapping.sealed_filters is None:
            return await open_source(mapping, kit)
        try:
            unsealed = await unseal(mapping)
        except FiltersUnreadable as error:
            raise SourceProblem(_words_of(error)) from error
        return _WhileKeyLasts(await open_source(unsealed, kit), mapping=mapping, unseal=unseal, kit=kit)

    return open_unsealed


class _WhileKeyLasts:
    """A `Source`."""

    def __init__(self, source: Source, *, mapping: EventSourceMapping, unseal: Unseal, kit: PollerKit) -> None:
        self._source = source
        self._mapping = mapping
        self._unseal = unseal
        self._kit = kit
        self._check_at = kit.clock.monotonic() + _CHECK_SECONDS

    async def list_units(self) -> Sequence[Unit]:
        """As the protocol says; none while the key cannot be used, so that those that are polled come to their end."""
        if self._kit.clock.monotonic() >= self._check_at:
            try:
                await self._unseal(self._mapping)
            except FiltersUnreadable as error:
                self._kit.report(f"PROBLEM: {_words_of(error)}")
                return ()
            self._check_at = self._kit.clock.monotonic() + _CHECK_SECONDS
        return await self._source.list_units()

    async def poll(self, unit: PolledUnit) -> None:
        """As the protocol says."""
        await self._source.poll(unit)

    async def aclose(self) -> None:
        """As the protocol says."""
        await self._source.aclose()


def _words_of(error: FiltersUnreadable) -> str:
    return f"The filter criteria cannot be decrypted: {error}"
