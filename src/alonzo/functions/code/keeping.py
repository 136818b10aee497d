"""Code is kept as long as a version of a function, or of a layer, has it; what nobody has for a while goes, or the disk would fill up.

For a while: an environment may still run what was deleted, for as long as an invocation lasts, and what somebody is about to publish is
there before the record that names it.
"""

import asyncio
import logging
from collections.abc import Iterator

from alonzo.clock import Clock
from alonzo.functions.code.directories import CodeDirectories
from alonzo.functions.layers.trees import name_of_layers
from alonzo.model.function import FunctionVersion
from alonzo.model.layer import LayerVersion
from alonzo.model.quotas import TIMEOUT_MAX_SECONDS
from alonzo.store.blobs import BlobStore
from alonzo.store.errors import StoreError
from alonzo.store.records import RecordTable

UNUSED_SECONDS = TIMEOUT_MAX_SECONDS + 300.0
_INTERVAL_SECONDS = 300.0

_log = logging.getLogger(__name__)


class CodeKeeping:
    """One a node. What one node removes from the store another may remove at the same time."""

    def __init__(
        self,
        *,
        functions: RecordTable[FunctionVersion],
        layers: RecordTable[LayerVersion],
        directories: CodeDirectories,
        blobs: BlobStore,
        clock: Clock,
    ) -> None:
        self._functions = functions
        self._layers = layers
        self._directories = directories
        self._blobs = blobs
        self._clock = clock
        self._unused_since: dict[str, float] = {}

    async def run(self) -> None:
        """Component: looks every five minutes, until cancelled."""
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            try:
                await self.sweep()
            except (StoreError, OSError) as error:
                _log.warning("code that nobody uses is removed later: %s", error)

    async def sweep(self, *, blob_unused_seconds: float = UNUSED_SECONDS) -> int:
        """Remove what was unused at every look for `UNUSED_SECONDS`, and was not put for the time given; how many packages went.

        `StoreError`, `OSError`.
        """
        stored = await self._blobs.list_names()
        now = self._clock.monotonic()
        unused = (stored | self._directories.names()) - self._directories.take_touched() - {*self._iter_used()}
        self._unused_since = {name: self._unused_since.get(name, now) for name in unused}
        count = 0
        for name in [name for name, since in self._unused_since.items() if now - since >= UNUSED_SECONDS]:
            if name in stored and not await self._blobs.delete(name, unused_seconds=blob_unused_seconds):
                del self._unused_since[name]  # somebody has put it again, and is about to use it
                continue
            await self._directories.remove(name)
            count += 1
        return count

    def _iter_used(self) -> Iterator[str]:
        for _, version in self._functions.iter_prefix(()):
            for each in (version, version.runnable):
                yield each.code.sha256
                yield from each.layer_packages
                if each.layer_packages:
                    yield name_of_layers(each.layer_packages)
        for _, layer in self._layers.iter_prefix(()):
            yield layer.code.sha256
