"""Which functions have more memory than they use, from what was measured of them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alonzo.billing.bill import UsageRow

_FEWEST_REQUESTS = 10
_HEADROOM = 1.3
_STEP_MIB = 64
_SMALLEST_MIB = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryAdvice:
    """`saved_share`: of what its duration costs, if it takes as long with less memory. AWS gives less of a processor, too."""

    function: str
    version: str
    memory_mib: int
    peak_mib: int
    advised_mib: int

    @property
    def saved_share(self) -> float:
        """Between 0 and 1."""
        return 1 - self.advised_mib / self.memory_mib


def advise(rows: Iterable[UsageRow]) -> Iterator[MemoryAdvice]:
    """Of versions that were invoked ten times or more: the next size that leaves a third of room above the most they ever used."""
    for row in rows:
        if row.requests < _FEWEST_REQUESTS or not row.max_memory_mib:
            continue
        advised = max(_SMALLEST_MIB, math.ceil(row.max_memory_mib * _HEADROOM / _STEP_MIB) * _STEP_MIB)
        if advised < row.memory_mib:
            yield MemoryAdvice(
                function=row.function, version=row.version, memory_mib=row.memory_mib, peak_mib=row.max_memory_mib, advised_mib=advised
            )
