"""Functions that were deleted: what a node knows of them in memory only is forgotten, or it would pile up where functions come and go."""

import asyncio
from collections.abc import Callable, Sequence, Set

from alonzo.clock import Clock
from alonzo.functions.registry import Functions
from alonzo.model.function import LATEST, FunctionVersion
from alonzo.model.names import FunctionKey

_SHOWN_SECONDS = 150.0
"""So long counts are shown of what is gone: whoever scrapes them once a minute has then seen the last."""

_INTERVAL_SECONDS = 30.0


class DepartedFunctions:
    """One a node. `forget`: those who know something of functions."""

    def __init__(self, *, forget: Sequence[Callable[[Set[FunctionKey]], None]], clock: Clock) -> None:
        self._forget = forget
        self._clock = clock
        self._gone_since: dict[FunctionKey, float] = {}

    def note(self, key: tuple[str, ...], current: FunctionVersion | None) -> None:
        """A version is there, has changed, or is gone."""
        function, version = (key[0], key[1], key[2]), key[3]
        if current is not None:
            self._gone_since.pop(function, None)
        elif version == LATEST:
            self._gone_since[function] = self._clock.monotonic()

    async def run(self, functions: Functions) -> None:
        """Component: watches them until cancelled."""
        unsubscribe = functions.subscribe(self.note)
        try:
            while True:
                await asyncio.sleep(_INTERVAL_SECONDS)
                self.sweep()
        finally:
            unsubscribe()

    def sweep(self) -> None:
        """Have those forgotten that have been gone for long enough."""
        latest = self._clock.monotonic() - _SHOWN_SECONDS
        gone = {function for function, since in self._gone_since.items() if since <= latest}
        if not gone:
            return
        for function in gone:
            del self._gone_since[function]
        for forget in self._forget:
            forget(gone)
