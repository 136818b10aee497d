"""How many programs to have waiting ahead of their functions: a base-stock policy, fed with the cold starts there were.

Whoever stocks something that takes a lead time to replace keeps as much of it as is asked for within one lead time, and orders one for each
that is taken: the (S-1, S) policy of inventory theory (Feeney and Sherbrooke, "The (s-1, s) Inventory Policy under Compound Poisson
Demand", Management Science 12, 1966). Demand for environments comes in bursts, which no mean foretells: S is the largest demand of a lead
time that was seen, halved with each half-life that has gone since. Pure: told the time, in monotonic seconds.
"""

from collections import deque

LEAD_SECONDS = 1.0
"""In which what was taken is replaced: a program starts in a tenth of a second, several one after the other."""
HALF_LIFE_SECONDS = 60.0
INTEREST_SECONDS = 3_600.0
"""How long one waits for a language after its last cold start, or after one of its functions was last created or changed."""
WANTED_MAX = 16


class Demand:
    """The demand for one program."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WANTED_MAX)
        """The last cold starts."""
        self._level = 0.0
        self._level_at = 0.0
        self.last_interest_at = -INTEREST_SECONDS
        """In monotonic seconds; long ago at first."""

    def note_interest(self, now: float) -> None:
        """A function of the language is there to be invoked."""
        self.last_interest_at = now

    def note_cold_start(self, now: float) -> None:
        """An environment was wanted for which a waiting program would do, whether there was one or not."""
        self.note_interest(now)
        self._recent.append(now)
        within_lead_time = sum(1 for at in self._recent if at > now - LEAD_SECONDS)
        self._level = max(self._level_by(now), float(within_lead_time))
        self._level_at = now

    def wanted(self, now: float) -> int:
        """How many should wait at the moment: 0 without interest, else 1 to `WANTED_MAX`."""
        if now - self.last_interest_at >= INTEREST_SECONDS:
            return 0
        return max(1, round(self._level_by(now)))

    def _level_by(self, now: float) -> float:
        return self._level * float(0.5 ** ((now - self._level_at) / HALF_LIFE_SECONDS))
