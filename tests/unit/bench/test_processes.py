"""What the kernel says about processes, read and sorted."""

import os

import pytest
from bench.processes import Process, iter_tree, parse_pss_mb, parse_status, read_processes, read_pss_mb, sort_platform

_STATUS = """Name:\tpython3.12
Umask:\t0022
State:\tS (sleeping)
Tgid:\t28078
Pid:\t28078
PPid:\t28052
Uid:\t1\t1\t1\t1
NSpid:\t28078\t2
"""
_ROLLUP = """55b0d9afc000-7ffedcdf7000 ---p 00000000 00:00 0                          [rollup]
Rss:               43176 kB
Pss:               31596 kB
Pss_Dirty:         29380 kB
"""


def test_a_status_tells_who_a_process_is() -> None:
    assert parse_status(_STATUS) == a_process(28078, 28052, name="python3.12", inner=2)


def test_memory_is_the_proportional_set_size() -> None:
    assert parse_pss_mb(_ROLLUP) == pytest.approx(31.596 * 1.024)


def test_memory_that_is_not_told_is_an_error() -> None:
    with pytest.raises(KeyError, match="Pss"):
        parse_pss_mb("Rss: 1 kB\n")


def test_a_tree_has_all_descendants_and_nobody_else() -> None:
    processes = by_id(a_process(1, 0), a_process(2, 1), a_process(3, 2), a_process(4, 1), a_process(5, 2))
    assert sorted(process.process_id for process in iter_tree(processes, 2)) == [2, 3, 5]


def test_a_platform_is_node_store_sandboxes_and_others() -> None:
    processes = by_id(
        a_process(1, 0),
        a_process(10, 1, name="alonzo"),
        a_process(11, 10, name="nats-server"),
        a_process(12, 10),
        a_process(13, 12, inner=1),
        a_process(14, 13, inner=2),
        a_process(15, 12, inner=1),
        a_process(20, 1, name="nats-server"),
    )
    platform = sort_platform(processes, 10)
    assert (platform.node, platform.store, platform.others) == (10, (11,), (12,))
    assert sorted(platform.sandboxes) == [(13, 14), (15,)]
    assert sorted(platform.every) == [10, 11, 12, 13, 14, 15]


def test_this_process_is_there_and_takes_memory() -> None:
    assert read_processes()[os.getpid()].parent_id == os.getppid()
    assert read_pss_mb([os.getpid()]) > 1


def a_process(process_id: int, parent_id: int, *, name: str = "python3", inner: int | None = None) -> Process:
    namespace_ids = (process_id,) if inner is None else (process_id, inner)
    return Process(process_id=process_id, parent_id=parent_id, name=name, namespace_ids=namespace_ids)


def by_id(*processes: Process) -> dict[int, Process]:
    return {process.process_id: process for process in processes}
