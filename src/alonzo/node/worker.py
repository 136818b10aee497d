"""One of several workers as a program; `workers.py` starts it."""

import asyncio
import signal
import sys

import uvloop

from alonzo.errors import SetupError
from alonzo.log import configure_logging
from alonzo.node.life import run_node
from alonzo.node.process import raise_descriptor_limit, settle_garbage_collection
from alonzo.node.seat import Seat, read_seat


def main() -> int:
    """Serve until SIGTERM, or until the parent has ended; the exit status."""
    seat = read_seat()
    configure_logging(log_format=seat.configuration.log_format)
    raise_descriptor_limit()
    try:
        return uvloop.run(_run(seat))
    except SetupError as error:
        print(f"alonzo: {error}", file=sys.stderr, flush=True)
        return 1


async def _run(seat: Seat) -> int:
    stop = asyncio.Event()
    main_task = asyncio.current_task()
    assert main_task is not None
    loop = asyncio.get_running_loop()

    def on_parent_end() -> None:
        loop.remove_reader(sys.stdin.fileno())
        main_task.cancel()

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), on_parent_end)
    try:
        await run_node(seat.configuration, seat=seat, stop=stop, on_ready=lambda _: settle_garbage_collection())
    except asyncio.CancelledError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
