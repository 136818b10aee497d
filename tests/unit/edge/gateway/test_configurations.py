"""Configurations that are kept: read once, again after a write, and what is old serves while nothing answers."""

import asyncio

import pytest

from alonzo.aws.client.errors import AwsUnreachable
from alonzo.clock import ManualClock
from alonzo.edge.configurations import FRESH_SECONDS, Configurations


class _Service:
    def __init__(self) -> None:
        self.content: str | None = "one"
        self.reads = 0
        self.is_down = False

    async def read(self, key: str) -> str | None:
        self.reads += 1
        await asyncio.sleep(0)
        if self.is_down:
            raise AwsUnreachable(key)
        return self.content


def test_keeps_what_it_has_read_until_a_write() -> None:
    async def story() -> None:
        service = _Service()
        kept = Configurations(service.read, clock=ManualClock())
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(kept.get("k")) for _ in range(5)]
        assert {answer.result() for answer in answers} == {"one"}
        assert service.reads == 1
        service.content = "two"
        assert await kept.get("k") == "one"
        kept.drop()
        assert await kept.get("k") == "two"
        assert service.reads == 2
        service.content = None
        kept.drop()
        assert await kept.get("k") is None

    asyncio.run(story())


def test_old_content_is_renewed_behind_the_request() -> None:
    async def story() -> None:
        service, clock = _Service(), ManualClock()
        kept = Configurations(service.read, clock=clock)
        await kept.get("k")
        service.content = "two"
        clock.advance(FRESH_SECONDS + 1)
        assert await kept.get("k") == "one"
        for _ in range(5):
            await asyncio.sleep(0)
        assert await kept.get("k") == "two"
        await kept.aclose()

    asyncio.run(story())


def test_what_was_read_before_serves_while_the_service_is_down() -> None:
    async def story() -> None:
        service = _Service()
        kept = Configurations(service.read, clock=ManualClock())
        await kept.get("k")
        service.is_down = True
        kept.drop()
        assert await kept.get("k") == "one"
        with pytest.raises(AwsUnreachable):
            await kept.get("other")

    asyncio.run(story())
