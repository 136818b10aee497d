"""SPECIFICATION.md and the bench say the same."""

import re
from pathlib import Path

from bench.promises import PROMISES

_SPECIFICATION = (Path(__file__).parents[3] / "SPECIFICATION.md").read_text()
_BENCH_LINES = [line for line in _SPECIFICATION.splitlines() if "`make bench`:" in line]


def test_every_promise_of_the_bench_is_specified_with_its_number() -> None:
    for row, promise in PROMISES.items():
        bound = promise.below if promise.below is not None else promise.at_least
        lines = [line for line in _BENCH_LINES if f"`{row}`" in line]
        assert len(lines) == 1, row
        assert re.search(rf"(?<![\d.]){bound:,g}(?![\d.])", lines[0]), lines[0]


def test_every_row_that_is_specified_is_one_of_the_bench() -> None:
    named = {name for line in _BENCH_LINES for name in re.findall(r"`([^`]+)`", line.partition("`make bench`:")[2])}
    assert named == set(PROMISES)
