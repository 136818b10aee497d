"""Whether the processors are short of time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alonzo.sandbox.processors import ProcessorLoad


def a_load(tmp_path: Path, runnable: int, *, processors: int = 2, times: Iterator[tuple[float, float]] | None = None) -> ProcessorLoad:
    """`times`: of the clock and of the thread, each time it is asked."""
    file = tmp_path / "loadavg"
    file.write_text(f"0.20 0.18 0.12 {runnable}/80 11206\n")
    idle = ((number * 1.0, 0.0) for number in range(1, 100))
    return ProcessorLoad(processor_count=processors, load=file, times=(times or idle).__next__)


@pytest.mark.parametrize(
    ("processors", "runnable", "is_full"),
    [(2, 1, False), (2, 2, True), (2, 9, True), (8, 7, False), (8, 8, True), (1, 1, False), (1, 2, True)],
)
def test_they_are_when_none_is_idle(tmp_path: Path, processors: int, runnable: int, is_full: bool) -> None:
    assert a_load(tmp_path, runnable, processors=processors).is_full() is is_full


def test_they_are_while_the_event_loop_hardly_pauses(tmp_path: Path) -> None:
    times = iter([(10.000, 5.000), (10.005, 5.0046), (10.010, 5.008), (10.110, 5.108)])
    load = a_load(tmp_path, 1, times=times)
    assert [load.is_full() for _ in range(4)] == [False, True, False, False]  # the last time says nothing of now: too long


@pytest.mark.parametrize("content", [None, "", "0.20 0.18", "0.20 0.18 0.12 many/80 1\n"])
def test_where_the_host_does_not_tell_they_are_not(tmp_path: Path, content: str | None) -> None:
    load = a_load(tmp_path, 9)
    file = tmp_path / "loadavg"
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    assert not load.is_full()
