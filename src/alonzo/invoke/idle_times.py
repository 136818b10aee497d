"""How long idle environments of a function are worth keeping: learned from how long they were idle before somebody wanted them.

The policy is the histogram of Shahrad et al., "Serverless in the Wild", USENIX ATC 2020 (section 4.2): idle times by the minute up to four
hours. Kept is until the 99th percentile and a tenth more, as soon as the histogram says something, which its coefficient of variation
tells. Left out are the paper's forecasts for times beyond four hours, and ending environments at once to start them again ahead of time.
"""

import math
from array import array

BIN_SECONDS = 60
BIN_COUNT = 240
_TAIL = 0.99
_MARGIN = 1.1
_VARIATION_MIN = 2.0
"""The paper's threshold: below, the idle times are spread over so many bins that none of them says much."""
_NOTED_MIN = 10
_OUTSIDE_SHARE_MAX = 0.5
_BIN_MAX = 50_000
"""Then everything is halved: what was long ago counts less."""


class IdleTimes:
    """The histogram of one function version. Noting a time costs a few additions."""

    __slots__ = ("_bins", "_inside_count", "_outside_count", "_square_sum")

    def __init__(self) -> None:
        self._bins = array("H", bytes(2 * BIN_COUNT))
        self._inside_count = 0
        self._outside_count = 0
        self._square_sum = 0

    def note(self, seconds: float) -> None:
        """An environment was wanted again after so long, whether it was still there or not."""
        index = int(seconds) // BIN_SECONDS
        if index >= BIN_COUNT:
            self._outside_count += 1
            return
        count = self._bins[index]
        self._bins[index] = count + 1
        self._square_sum += 2 * count + 1
        self._inside_count += 1
        if count >= _BIN_MAX:
            self._halve()

    def keep_alive_seconds(self) -> float | None:
        """How long keeping an idle environment is likely to pay; None when too little is known, or nothing can be said of it."""
        noted_count = self._inside_count + self._outside_count
        if noted_count < _NOTED_MIN or self._outside_count > _OUTSIDE_SHARE_MAX * noted_count or self._variation() < _VARIATION_MIN:
            return None
        wanted_count, seen_count = math.ceil(self._inside_count * _TAIL), 0
        for index, count in enumerate(self._bins):
            seen_count += count
            if seen_count >= wanted_count:
                return (index + 1) * BIN_SECONDS * _MARGIN
        raise AssertionError("the bins hold what was counted")

    def _variation(self) -> float:
        """Of the bins' counts: standard deviation by mean."""
        mean = self._inside_count / BIN_COUNT
        return math.sqrt(max(self._square_sum / BIN_COUNT - mean * mean, 0.0)) / mean if mean else 0.0

    def _halve(self) -> None:
        self._bins = array("H", (count // 2 for count in self._bins))
        self._inside_count = sum(self._bins)
        self._outside_count //= 2
        self._square_sum = sum(count * count for count in self._bins)
