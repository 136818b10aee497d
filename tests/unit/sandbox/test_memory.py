"""What memory there is, also within control groups that limit it."""

from pathlib import Path

import psutil
import pytest

from alonzo.sandbox.memory import MemoryReader

MIB = 1 << 20


def write_group(directory: Path, **files: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / f"memory.{name}").write_text(content + "\n")


def test_without_groups_it_is_the_machines(tmp_path: Path) -> None:
    memory = MemoryReader(root=tmp_path, own=tmp_path / "none").read()
    assert memory.total == psutil.virtual_memory().total
    assert 0 < memory.available <= memory.total


@pytest.mark.parametrize("is_unified", [True, False])
def test_the_tightest_group_counts_less_its_page_cache(tmp_path: Path, is_unified: bool) -> None:
    own = tmp_path / "own"
    own.write_text("0::/a/b\n" if is_unified else "5:cpu:/\n4:memory:/a/b\n")
    root = tmp_path / "cgroup" / ("" if is_unified else "memory")
    limit, usage, cache = ("max", "current", "inactive_file") if is_unified else ("limit_in_bytes", "usage_in_bytes", "total_inactive_file")
    write_group(root / "a" / "b", **{limit: "max" if is_unified else str((1 << 63) - 4096), usage: str(MIB), "stat": f"{cache} 0"})
    write_group(root / "a", **{limit: str(100 * MIB), usage: str(70 * MIB), "stat": f"anon 5\n{cache} {10 * MIB}"})
    memory = MemoryReader(root=tmp_path / "cgroup", own=own).read()
    assert (memory.total, memory.available) == (100 * MIB, 40 * MIB)


def test_a_group_that_goes_away_limits_nothing(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/a\n")
    write_group(tmp_path / "a", max=str(MIB), current="1", stat="anon 1")
    reader = MemoryReader(root=tmp_path, own=own)
    assert reader.read().total == MIB
    (tmp_path / "a" / "memory.max").unlink()
    assert reader.read().total == psutil.virtual_memory().total
