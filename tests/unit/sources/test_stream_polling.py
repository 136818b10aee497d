"""How far an ordered source is read ahead of what is done."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tests.unit.sources.streams import Function, NumberReader, a_mapping, a_record

from alonzo.sources.invoking import BatchAnswer
from alonzo.sources.stream_polling import poll_stream
from alonzo.sources.stream_records import Reading

_STUCK, _FREE = "a", "d"
"""Keys of different lanes."""
_AHEAD_MAX_COUNT = 20_000


class EndlessReader(NumberReader):
    """The first record is of a key of its own."""

    def __init__(self) -> None:
        self.read_count = 0

    async def read(self, limit: int) -> Reading:
        await asyncio.sleep(0)
        numbers = range(self.read_count, self.read_count + limit)
        self.read_count += limit
        return Reading([a_record(number, key=_FREE if number else _STUCK) for number in numbers], is_caught_up=False)

    async def aclose(self) -> None:
        """Nothing is open."""


class HeldFunction(Function):
    """It does not come to an end with the first record until it may."""

    go_on: asyncio.Event
    done_count = 0

    async def insist(self, payload: bytes, **options: Any) -> BatchAnswer | None:
        answer = await super().insist(payload, **options)
        numbers = self.batches[-1]
        if 0 in numbers:
            await self.go_on.wait()
        self.done_count += len(numbers)
        return answer


def test_a_lane_that_is_held_up_lets_the_others_go_on_for_a_while() -> None:
    reader, function = EndlessReader(), HeldFunction(lambda _: None)

    async def until(is_so: Callable[[], bool]) -> None:
        while not is_so():  # noqa: ASYNC110 - of several things that nobody announces
            await asyncio.sleep(0)

    async def run() -> None:
        function.go_on = asyncio.Event()
        saved: list[str] = []
        unit: Any = SimpleNamespace(name="shard", checkpoint=None, stopping=asyncio.Event(), save=saved.append)
        mapping = a_mapping(batch_size=1_000, parallelization_factor=2, maximum_retry_attempts=-1)

        async def open_reader(_: str | None) -> Any:
            return reader

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(poll_stream(unit, mapping=mapping, kit=function.kit, open_reader=open_reader))
            await until(lambda: function.done_count >= _AHEAD_MAX_COUNT - 1)
            for _ in range(1_000):
                await asyncio.sleep(0)
            assert reader.read_count == _AHEAD_MAX_COUNT
            assert not saved
            function.go_on.set()
            await until(lambda: reader.read_count > _AHEAD_MAX_COUNT)
            assert saved
            unit.stopping.set()

    asyncio.run(run())
