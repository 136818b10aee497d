"""How many events of one function are tried at once.

What a function's concurrency lets through is not known beforehand, and on a machine that is busy already more at once is not faster. So a
window begins small; while it is full and the machine has processor time and memory left, it doubles every second, up to the account's
concurrency. A refusal for want of concurrency shrinks it to what was running.
"""

WINDOW_FIRST = 8
_GROWTH_INTERVAL_SECONDS = 1.0


class Window:
    """Counts and instants (monotonic seconds) only. `limit`: the account's concurrency."""

    def __init__(self, *, limit: int, now: float) -> None:
        self._limit = limit
        self.size = min(WINDOW_FIRST, limit)
        self._grown_at = now

    def has_room(self, running_count: int) -> bool:
        """Whether one more may be tried."""
        return running_count < self.size

    def shrink_to(self, running_count: int) -> None:
        """More than so many were refused."""
        self.size = max(1, min(self.size, running_count))

    def is_growth_due(self, now: float) -> bool:
        """Whether a window that is full may be looked at again; from now on not for a while."""
        if now - self._grown_at < _GROWTH_INTERVAL_SECONDS:
            return False
        self._grown_at = now
        return True

    def grow(self) -> None:
        """The machine is not busy."""
        self.size = min(2 * self.size, self._limit)
