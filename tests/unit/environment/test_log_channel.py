"""Lines in a log's pipe that are only half written when an invocation ends."""

import asyncio
import os

import pytest

from alonzo.clock import ManualClock
from alonzo.environment.log_channel import LogChannel
from alonzo.model.scope import Scope
from alonzo.observe.log_delivery import LogDelivery, LogStreamName

from .conftest import MemoryAppender


@pytest.mark.parametrize(("is_shared", "messages"), [(False, ["half ", "a line\n"]), (True, ["half a line\n"])])
def test_a_half_written_line_ends_with_its_invocation_unless_it_may_be_anothers(is_shared: bool, messages: list[str]) -> None:
    async def write_and_end() -> list[str]:
        clock, appender = ManualClock(), MemoryAppender()
        delivery = LogDelivery(appender=appender, clock=clock)
        read, write = os.pipe()
        os.set_blocking(read, False)
        outlet = delivery.open_outlet(LogStreamName(Scope("000000000000", "us-east-1"), "/aws/lambda/x", "stream"))
        channel = LogChannel(pipe=read, outlet=outlet, clock=clock, is_shared=is_shared)
        channel.open()
        for part in (b"half ", b"a line\n"):
            os.write(write, part)
            channel.drain()
            channel.end_lines()
        channel.close()
        await delivery.flush()
        for descriptor in (read, write):
            os.close(descriptor)
        return appender.messages

    assert asyncio.run(write_and_end()) == messages
