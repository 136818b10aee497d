"""One subscription at work: records gathered into batches, delivered one after the other, dropped and counted when there are too many.

No more is ever held than the batch that is being delivered and the one that is being gathered, each of the subscription's size and one
record beyond it.
"""

import asyncio
import contextlib
from collections.abc import Callable

from alonzo.environment.telemetry_requests import Subscription
from alonzo.environment.telemetry_sinks import DeliveryFailed, TelemetrySink
from alonzo.sandbox.errors import SandboxLost

_ATTEMPT_SECONDS = 5.0
_PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)
"""Between attempts: the extension may not listen yet when it subscribes."""

DropNotice = Callable[[int, int, str], bytes | None]
"""The record that tells of dropped ones: how many, of how many bytes, why; None if the schema has none."""

_FALLEN_BEHIND = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."


class TelemetrySubscriber:
    """`offer` never waits; `run` delivers until cancelled."""

    def __init__(self, *, subscription: Subscription, sink: TelemetrySink, drop_notice: DropNotice) -> None:
        self.subscription = subscription
        self._sink = sink
        self._drop_notice = drop_notice
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._dropped_count = 0
        self._dropped_bytes = 0
        self._arrived = asyncio.Event()
        self._told = asyncio.Event()
        self._told.set()
        self._hurry = asyncio.Event()
        """Deliver now: the batch is full, or the environment is about to end."""
        self._is_hastened = False

    @property
    def is_full(self) -> bool:
        """Whether what is offered now is dropped."""
        return len(self._gathered) >= self.subscription.max_items or self._gathered_bytes >= self.subscription.max_bytes

    def offer(self, record: bytes) -> None:
        """Take a record, or count it as dropped."""
        if self.is_full:
            self.drop(len(record))
            return
        self._gathered.append(record)
        self._gathered_bytes += len(record)
        self._arrived.set()
        self._told.clear()
        if self.is_full:
            self._hurry.set()

    def drop(self, byte_count: int) -> None:
        """Count a record that was not even encoded."""
        self._dropped_count += 1
        self._dropped_bytes += byte_count

    def hasten(self) -> None:
        """From here on, wait no more for batches to fill."""
        self._is_hastened = True
        self._hurry.set()

    async def wait_until_told(self) -> None:
        """Until all that was taken is delivered, or given up."""
        await self._told.wait()

    async def run(self) -> None:
        """Deliver; whatever the subscriber does, go on."""
        try:
            while True:
                await self._arrived.wait()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.subscription.timeout_seconds):
                        await self._hurry.wait()
                await self._deliver(self._take())
                if not self._gathered:
                    self._told.set()
        finally:
            self._sink.close()

    def _take(self) -> list[bytes]:
        batch, self._gathered, self._gathered_bytes = self._gathered, [], 0
        self._arrived.clear()
        if not self._is_hastened:
            self._hurry.clear()
        if self._dropped_count:
            notice = self._drop_notice(self._dropped_count, self._dropped_bytes, _FALLEN_BEHIND)
            self._dropped_count = self._dropped_bytes = 0
            if notice is not None:
                batch.append(notice)
        return batch

    async def _deliver(self, batch: list[bytes]) -> None:
        for pause_seconds in (*_PAUSES_SECONDS, 0.0):
            try:
                async with asyncio.timeout(_ATTEMPT_SECONDS):
                    await self._sink.deliver(batch)
            except (OSError, TimeoutError, DeliveryFailed, SandboxLost):
                await asyncio.sleep(pause_seconds)
            else:
                return
        for record in batch:
            self.drop(len(record))
