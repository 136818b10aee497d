"""What a sandbox's root is built of, by the layout of the host."""

from pathlib import Path
from typing import Any

import pytest

from alonzo.sandbox.plan import masked_proc_files, root_plan


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with merged /usr, a few files in /etc, certificates, and a secret or two."""
    for directory in ("usr/bin", "usr/lib", "usr/lib64", "etc/ssl/certs", "root", "home/user", "proc"):
        (tmp_path / directory).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (tmp_path / name).symlink_to(f"usr/{name}")
    (tmp_path / "etc/resolv.conf").write_text("nameserver 10.0.0.1\n")
    for name in ("shadow", "passwd", "hostname", "machine-id"):
        (tmp_path / "etc" / name).write_text("of the host")
    return tmp_path


def steps_of(host: Path, **changes: Any) -> list[dict[str, Any]]:
    arguments: dict[str, Any] = {
        "interpreter_prefix": Path("/opt/python3.12"),
        "interpreter_version": (3, 12),
        "packages": Path("/data/packages"),
        "workplaces": {"code": Path("/data/code")},
        "host": host,
    }
    return list(root_plan(**(arguments | changes)))


def at(steps: list[dict[str, Any]], path: str) -> list[dict[str, Any]]:
    return [step for step in steps if step["path"] == path]


def test_nothing_of_the_host_is_seen_but_programs_trust_and_name_resolution(host: Path) -> None:
    shown = {step["source"] for step in steps_of(host) if step["kind"] == "bind"}
    assert shown == {str(host / "usr"), "/opt/python3.12", "/data/packages", str(host / "etc/ssl")}


def test_files_of_etc_are_made_up_or_copied(host: Path) -> None:
    files = {step["path"]: step["content"] for step in steps_of(host) if step["kind"] == "file"}
    assert files["/etc/resolv.conf"] == "nameserver 10.0.0.1\n"
    assert "sbx_user1051:x:993:990:" in files["/etc/passwd"]
    assert not any("of the host" in content for content in files.values())
    assert set(files) == {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/etc/resolv.conf"}


def test_a_merged_usr_stays_links_and_others_are_bound(host: Path, tmp_path: Path) -> None:
    assert at(steps_of(host), "/lib") == [{"kind": "symlink", "target": "usr/lib", "path": "/lib"}]
    assert at(steps_of(host), "/sbin") == []
    (host / "bin").unlink()
    (host / "bin").mkdir()
    assert at(steps_of(host), "/bin") == [{"kind": "bind", "source": str(tmp_path / "bin"), "path": "/bin", "recursive": False}]


def test_what_the_owner_installed_is_masked(host: Path) -> None:
    masked = {step["path"] for step in steps_of(host) if step["kind"] == "mask"}
    assert masked >= {"/usr/local", "/var/lang/lib/python3.12/site-packages"}


def test_masks_come_after_what_they_mask(host: Path) -> None:
    steps = steps_of(host)
    for index, step in enumerate(steps):
        if step["kind"] == "mask":
            assert any(before["kind"] == "bind" and step["path"].startswith(before["path"] + "/") for before in steps[:index]), step


def test_the_devices_are_a_few_harmless_ones(host: Path) -> None:
    devices = {step["path"] for step in steps_of(host) if step["kind"] == "device"}
    assert devices == {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}


def test_every_mount_point_is_made_before_it_is_used(host: Path) -> None:
    steps = steps_of(host)
    made = [step["path"] for step in steps if step["kind"] == "directory"]
    assert len(made) == len(set(made))
    assert {"/var/task", "/opt", "/tmp", "/proc", "/dev", "/etc"} <= set(made)
    first_other = next(index for index, step in enumerate(steps) if step["kind"] != "directory")
    assert all(step["kind"] != "directory" for step in steps[first_other:])


def test_workplaces_are_the_last_and_outside_of_what_functions_know(host: Path) -> None:
    steps = steps_of(host, workplaces={"code": Path("/data/code"), "dev": Path("/dev")})
    assert steps[-2:] == [
        {"kind": "workplace", "source": "/data/code", "path": "/.alonzo/code"},
        {"kind": "workplace", "source": "/dev", "path": "/.alonzo/dev"},
    ]


def test_in_a_user_namespace_whole_trees_are_bound(host: Path) -> None:
    assert {step["recursive"] for step in steps_of(host, recursive=True) if step["kind"] == "bind"} == {True}


def test_telling_files_of_proc_are_masked_where_they_are(host: Path) -> None:
    assert masked_proc_files(host) == []
    (host / "proc/kcore").touch()
    (host / "proc/meminfo").touch()
    assert masked_proc_files(host) == ["kcore"]
