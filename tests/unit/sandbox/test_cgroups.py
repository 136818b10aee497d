"""Control groups of both versions, on trees of plain files made to look like the kernel's."""

import os
from pathlib import Path

import pytest

from alonzo.sandbox.cgroups import CgroupDirectory, Cgroups, CpuPolicy, SandboxLimits, open_cgroups

ALL = {"memory", "cpu", "pids"}


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    """A unified hierarchy with this process in /user.slice/session.scope."""
    own = tmp_path / "user.slice/session.scope"
    own.mkdir(parents=True)
    for directory in (tmp_path, own):
        (directory / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
        (directory / "cgroup.subtree_control").touch()
    (own / "cgroup.type").write_text("domain\n")
    return tmp_path


def open_v2(root: Path, policy: CpuPolicy = CpuPolicy.WEIGHT) -> Cgroups:
    mounts = f"30 24 0:26 / {root} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n24 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    return open_cgroups("alonzo-x", policy, mounts=mounts, membership="0::/user.slice/session.scope\n")


@pytest.fixture
def v1(tmp_path: Path) -> Path:
    """Separate hierarchies: memory, cpu with cpuacct, pids."""
    for name in ("memory", "cpu,cpuacct", "pids"):
        (tmp_path / name / "docker/abc").mkdir(parents=True)
    return tmp_path


def open_v1(root: Path, policy: CpuPolicy = CpuPolicy.WEIGHT, *, mount_root: str = "/") -> Cgroups:
    mounts = "".join(
        f"{number} 24 0:{number} {mount_root} {root}/{name} rw,nosuid - cgroup cgroup rw,{name}\n"
        for number, name in enumerate(("memory", "cpu,cpuacct", "pids", "freezer"), 30)
    )
    membership = "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:pids:/docker/abc\n1:name=systemd:/\n0::/\n"
    return open_cgroups("alonzo-x", policy, mounts=mounts, membership=membership)


def test_v2_makes_the_nodes_group_and_hands_the_controllers_down(v2: Path) -> None:
    cgroups = open_v2(v2)
    own = v2 / "user.slice/session.scope"
    assert cgroups.unified
    assert cgroups.controllers == ALL
    assert cgroups.directories == (CgroupDirectory("unified", own / "alonzo-x"),)
    assert (own / "cgroup.subtree_control").read_text() == (own / "alonzo-x/cgroup.subtree_control").read_text() == "+memory +cpu +pids"


def test_v2_moves_the_node_out_of_the_way_first(v2: Path) -> None:
    """A group with processes of its own cannot hand controllers down."""
    open_v2(v2)
    assert (v2 / "user.slice/session.scope/alonzo-x.node/cgroup.procs").read_text() == str(os.getpid())


def test_v2_without_a_controller_says_so_by_what_it_has(v2: Path) -> None:
    (v2 / "user.slice/session.scope/cgroup.controllers").write_text("memory pids\n")
    cgroups = open_v2(v2)
    assert cgroups.controllers == {"memory", "pids"}
    assert set(cgroups.limits(SandboxLimits(memory_mib=128, processes=10))) == {
        "unified/memory.max",
        "unified/memory.swap.max",
        "unified/pids.max",
    }


def test_v2_that_was_not_delegated_gives_nothing(v2: Path) -> None:
    (v2 / "user.slice/session.scope/cgroup.controllers").write_text("cpuset\n")
    cgroups = open_v2(v2)
    assert (cgroups.directories, cgroups.controllers) == ((), frozenset())
    assert cgroups.limits(SandboxLimits(memory_mib=128, processes=10)) == {}
    assert cgroups.peak_memory_file("x") is None
    assert cgroups.oom_kill_count("x") == 0


def test_v1_makes_a_group_in_each_hierarchy(v1: Path) -> None:
    cgroups = open_v1(v1)
    assert not cgroups.unified
    assert cgroups.controllers == ALL
    assert {directory.name: directory.path for directory in cgroups.directories} == {
        "memory": v1 / "memory/docker/abc/alonzo-x",
        "cpu": v1 / "cpu,cpuacct/docker/abc/alonzo-x",
        "pids": v1 / "pids/docker/abc/alonzo-x",
    }
    assert all(directory.path.is_dir() for directory in cgroups.directories)


def test_v1_inside_a_container_sees_its_own_group_as_the_mounts_root(v1: Path) -> None:
    cgroups = open_v1(v1, mount_root="/docker/abc")
    assert {directory.path.parent for directory in cgroups.directories} == {v1 / name for name in ("memory", "cpu,cpuacct", "pids")}


def test_v1_hierarchies_that_are_not_there_are_left_out(v1: Path) -> None:
    (v1 / "pids/docker/abc").rmdir()
    assert open_v1(v1).controllers == {"memory", "cpu"}


@pytest.mark.parametrize(("memory_mib", "shares"), [(128, 1_280), (1_769, 17_690), (10_240, 102_400)])
def test_cpu_follows_memory_as_a_share(v1: Path, memory_mib: int, shares: int) -> None:
    assert open_v1(v1).limits(SandboxLimits(memory_mib=memory_mib, processes=9))["cpu/cpu.shares"] == str(shares)


@pytest.mark.parametrize(("memory_mib", "weight"), [(128, 128), (1_769, 1_769), (10_240, 10_000)])
def test_cpu_follows_memory_as_a_weight(v2: Path, memory_mib: int, weight: int) -> None:
    """The kernel takes no more than 10,000."""
    assert open_v2(v2).limits(SandboxLimits(memory_mib=memory_mib, processes=9))["unified/cpu.weight"] == str(weight)


def test_one_of_a_crowd_weighs_less(v1: Path, v2: Path) -> None:
    limits = SandboxLimits(memory_mib=1_000, processes=9, crowd=8)
    assert open_v1(v1).limits(limits)["cpu/cpu.shares"] == "1250"
    assert open_v2(v2).limits(limits)["unified/cpu.weight"] == "125"
    least = SandboxLimits(memory_mib=128, processes=9, crowd=1 << 20)
    assert (open_v1(v1).weight(least), open_v2(v2).weight(least)) == (("cpu.shares", "2"), ("cpu.weight", "1"))


@pytest.mark.parametrize(("memory_mib", "quota"), [(128, 7_235), (1_769, 100_000), (10_240, 578_858)])
def test_cpu_follows_memory_as_a_quota(v1: Path, v2: Path, memory_mib: int, quota: int) -> None:
    limits = SandboxLimits(memory_mib=memory_mib, processes=9)
    hard = open_v1(v1, CpuPolicy.QUOTA).limits(limits)
    assert (hard["cpu/cpu.cfs_period_us"], hard["cpu/cpu.cfs_quota_us"]) == ("100000", str(quota))
    assert hard["cpu/cpu.shares"] == str(memory_mib * 10)
    assert open_v2(v2, CpuPolicy.QUOTA).limits(limits)["unified/cpu.max"] == f"{quota} 100000"


def test_memory_and_processes_are_limited(v1: Path, v2: Path) -> None:
    limits = SandboxLimits(memory_mib=256, processes=1_024)
    first, second = open_v1(v1).limits(limits), open_v2(v2).limits(limits)
    assert (first["memory/memory.limit_in_bytes"], first["pids/pids.max"]) == ("268435456", "1024")
    assert (second["unified/memory.max"], second["unified/memory.swap.max"], second["unified/pids.max"]) == ("268435456", "0", "1024")


def test_kills_for_want_of_memory_are_counted(v1: Path, v2: Path) -> None:
    for cgroups, name, text in (
        (open_v1(v1), "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
        (open_v2(v2), "memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\n"),
    ):
        memory = next(directory.path for directory in cgroups.directories if directory.name in {"memory", "unified"})
        (memory / "sandbox").mkdir()
        (memory / "sandbox" / name).write_text(text)
        assert cgroups.oom_kill_count("sandbox") == 2
        assert cgroups.oom_kill_count("gone") == 0


def test_the_peak_is_where_the_version_has_it(v1: Path, v2: Path) -> None:
    assert open_v1(v1).peak_memory_file("s") == v1 / "memory/docker/abc/alonzo-x/s/memory.max_usage_in_bytes"
    assert open_v2(v2).peak_memory_file("s") == v2 / "user.slice/session.scope/alonzo-x/s/memory.peak"


def test_opening_again_takes_over_what_is_there_and_removal_leaves_nothing(v1: Path) -> None:
    open_v1(v1)
    cgroups = open_v1(v1)
    for directory in cgroups.directories:
        (directory.path / "left by a killed node").mkdir()
    cgroups.remove()
    assert not list(v1.glob("*/docker/abc/*"))
    cgroups.remove()


def test_no_sandbox_takes_the_whole_machine(v1: Path, v2: Path) -> None:
    limits = SandboxLimits(memory_mib=10_240, processes=9)
    nine_tenths = (os.cpu_count() or 1) * 90_000
    assert open_v1(v1).limits(limits)["cpu/cpu.cfs_quota_us"] == str(nine_tenths)
    assert open_v2(v2).limits(limits)["unified/cpu.max"] == f"{nine_tenths} 100000"
