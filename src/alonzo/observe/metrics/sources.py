"""Where metrics are read from, for those who answer questions about them and those who watch them."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from alonzo.model.scope import Scope
from alonzo.observe.metrics.distribution import Distribution
from alonzo.observe.metrics.recorder import MetricSet


class KnownMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of a set, each with its unit. `newest_minute`: of its values, as of an hour ago or less."""

    of: MetricSet
    units: dict[str, str]
    newest_minute: int


class MetricSource(Protocol):
    """See `MetricKeeper`."""

    async def read(self, of: MetricSet, name: str, *, start: float, end: float) -> dict[int, Distribution]:
        """A metric's minutes from `start` until before `end`, in seconds since the epoch. StoreError."""
        ...

    def list_known(self, scope: Scope) -> AsyncIterator[KnownMetrics]:
        """The sets that have had values in the last two weeks, in no order; one that has some now may come twice. StoreError."""
        ...

    async def find_known(self, of: MetricSet) -> KnownMetrics | None:
        """One of them. StoreError."""
        ...
