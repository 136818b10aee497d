"""The life of one node from its very beginning: some of what it needs is done while the rest of the program is still being imported."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from alonzo.errors import setup_errors_alone
from alonzo.node.configuration import Configuration
from alonzo.node.programs import find_programs
from alonzo.node.seat import Seat

if TYPE_CHECKING:
    from alonzo.node.node import Node


async def run_node(configuration: Configuration, *, seat: Seat | None = None, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
    """As `Node.run`. Finding programs waits for other processes and the disk, importing the node keeps one processor busy for half a
    second: both at once.
    """
    with setup_errors_alone():
        async with asyncio.TaskGroup() as group:
            programs = group.create_task(find_programs(configuration))
            make_node = await asyncio.to_thread(_import_node)
            await make_node(configuration, programs=programs, seat=seat).run(stop=stop, on_ready=on_ready)


def _import_node() -> "type[Node]":
    from alonzo.node.node import Node  # noqa: PLC0415 - what this module is for

    return Node
