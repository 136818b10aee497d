"""How much sandboxes weigh when many of a function run, on a plain directory in the place of a control group."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.sandbox import processor_share
from alonzo.sandbox.cgroups import CgroupDirectory, Cgroups, CpuPolicy
from alonzo.sandbox.processor_share import ProcessorShare


class Clock:
    """In the place of the monotonic clock."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(processor_share, "time", clock)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return clock


def a_share(directory: Path) -> tuple[ProcessorShare, Path]:
    (directory / "sandbox").mkdir(exist_ok=True)
    file = directory / "sandbox/cpu.shares"
    file.write_text("1280")
    return ProcessorShare(Cgroups([CgroupDirectory("cpu", directory)], ["cpu"], CpuPolicy.WEIGHT), "sandbox"), file


def test_as_many_as_keep_the_processors_busy_weigh_all_they_may(tmp_path: Path, clock: Clock) -> None:
    share, file = a_share(tmp_path)
    share.begin(128)
    share.fit(4)
    assert (file.read_text(), share.crowd) == ("1280", 1)
    share.fit(5)
    assert (file.read_text().rstrip("0"), share.crowd) == ("64", 2)


@given(running_count=st.integers(1, 100_000))
def test_all_of_a_function_weigh_no_more_than_those(running_count: int) -> None:
    share = ProcessorShare(Cgroups([], [], CpuPolicy.WEIGHT), "sandbox")
    share.fit(running_count)
    most = 2 * (os.cpu_count() or 1)
    assert min(running_count, most) / 2 <= running_count / share.crowd <= most


def test_it_is_made_light_at_once_and_heavy_only_when_it_has_been_calm(tmp_path: Path, clock: Clock) -> None:
    share, _ = a_share(tmp_path)
    share.begin(128)
    share.fit(200)
    assert share.crowd == 64
    share.fit(1)
    assert share.crowd == 64
    clock.now += 1.1
    share.fit(1)
    assert share.crowd == 1


def test_before_it_has_a_function_nothing_is_written(tmp_path: Path, clock: Clock) -> None:
    share, file = a_share(tmp_path)
    share.fit(200)
    assert (file.read_text(), share.crowd) == ("1280", 64)


def test_a_sandbox_that_is_gone_has_no_weight(tmp_path: Path, clock: Clock) -> None:
    share, file = a_share(tmp_path)
    share.begin(128)
    file.unlink()
    file.parent.rmdir()
    share.fit(200)
    assert share.crowd == 64
