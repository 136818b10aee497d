"""How much of a busy processor a sandbox gets: in proportion to its memory, and less while many of its function run.

The kernel shares a processor out among sandboxes. Two hundred that compute leave a two hundredth to the one of another function, which
needs a millisecond and waits for a tenth of a second. So the sandboxes of a function together weigh no more than as many of them as keep
the processors busy: from there on each weighs half as much when twice as many run.

A new one weighs all it may until it is used again: what is built for the next ones would come before it, and all of a burst would be late.

The kernel looks at the clock every few milliseconds. Who weighs little has then had far more than its due, or far less: so much less that
what is overdue of a crowd would come before whoever weighs all. Those of a large crowd therefore ask for long slices, and are due so much
later. In a small one they are not overdue by much, and whoever runs for long is interrupted by whoever wakes up: a sixth fewer invocations.
"""

import contextlib
import os
import time

from alonzo.sandbox.cgroups import Cgroups, SandboxLimits
from alonzo.sandbox.slices import LONGEST, ORDINARY, set_slice

_FULL_WEIGHT_OF_A_PROCESSOR = 2
_LONG_SLICES_FROM = 8
"""What a weight is divided by."""
_TASKS_MAX = 16
"""Of a sandbox that are asked for: its first ones, from whom those they start inherit it. A function may have a thousand, 3 µs each."""
_CALM_SECONDS = 1.0
"""So long a sandbox stays light after it was made so: a write costs 10 µs, and concurrency goes up and down."""


class ProcessorShare:
    """Of one sandbox or clone."""

    def __init__(self, cgroups: Cgroups, sandbox_id: str) -> None:
        self._cgroups = cgroups
        self._sandbox_id = sandbox_id
        self._full_weight_count = _FULL_WEIGHT_OF_A_PROCESSOR * (os.cpu_count() or 1)
        self._memory_mib: int | None = None
        self._lightened_at = 0.0
        self._asks_for_long_slices = False
        self.crowd = 1
        """What its weight is divided by: a power of two."""

    def begin(self, memory_mib: int) -> None:
        """Its limits are written from here on, `crowd` among them."""
        self._memory_mib = memory_mib

    def fit(self, running_count: int) -> None:
        """So many sandboxes of its function run now, with it."""
        crowd = 1 << ((running_count - 1) // self._full_weight_count).bit_length()
        if crowd == self.crowd:
            return
        now = time.monotonic()
        if crowd > self.crowd:
            self._lightened_at = now
        elif now - self._lightened_at < _CALM_SECONDS:
            return
        self.crowd = crowd
        if self._memory_mib is not None:
            self._write(self._memory_mib)

    def _write(self, memory_mib: int) -> None:
        group = self._cgroups.cpu_group(self._sandbox_id)
        if group is None:
            return
        name, weight = self._cgroups.weight(SandboxLimits(memory_mib=memory_mib, processes=0, crowd=self.crowd))
        with contextlib.suppress(OSError):  # the sandbox is gone, which its owner has not been told yet
            file = os.open(group / name, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(file, weight.encode())
            finally:
                os.close(file)
            is_crowded = self.crowd >= _LONG_SLICES_FROM
            if is_crowded != self._asks_for_long_slices:
                self._asks_for_long_slices = is_crowded
                for task in self._cgroups.tasks(group)[:_TASKS_MAX]:
                    set_slice(task, LONGEST if is_crowded else ORDINARY)
