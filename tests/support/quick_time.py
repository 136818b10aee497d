"""`alonzo` in which schedules live in a quicker time: `python quick_time.py SPEED up …`. All else has the time that it has."""

import sys
import time
from datetime import UTC, datetime
from typing import Any

from alonzo.cli.main import main
from alonzo.clock import SystemClock
from alonzo.node import node
from alonzo.triggers import schedules

wire_triggers = node.wire_triggers


class QuickClock(SystemClock):
    """Begins now, and goes so many times as fast."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start = time.time()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._start + (time.time() - self._start) * self._speed, UTC)


def run() -> None:
    """Run the command line."""
    speed = float(sys.argv.pop(1))

    def wire_quick_triggers(**parameters: Any) -> Any:
        return wire_triggers(**parameters | {"clock": QuickClock(speed)})

    node.wire_triggers = wire_quick_triggers
    schedules.Schedules.__init__.__kwdefaults__["look_again_seconds"] = 0.05
    main()


if __name__ == "__main__":
    run()
