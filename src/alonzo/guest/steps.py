"""The interpreter of a root plan: a closed set of set-up steps, executed in order by the launcher.

A plan is made by the node (`sandbox/plan.py`) as pure data; here each step is carried out and a failure names the step.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from alonzo.guest import linux

_READ_ONLY = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV


def build_root(root: str, steps: Sequence[dict[str, Any]]) -> None:
    """Build the tree below `root` (an existing directory, which becomes a tmpfs) and seal it read-only."""
    linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", root, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755,size=16m")
    for step in steps:
        try:
            _STEPS[step["kind"]](root, step)
        except OSError as error:
            raise OSError(error.errno, f"set-up step {step}: {error.strerror or error}") from error
    linux.mount("none", root, "", linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV)


def _directory(root: str, step: dict[str, Any]) -> None:
    os.makedirs(root + step["path"], mode=0o755, exist_ok=True)


def _symlink(root: str, step: dict[str, Any]) -> None:
    os.symlink(step["target"], root + step["path"])


def _file(root: str, step: dict[str, Any]) -> None:
    with open(root + step["path"], "w", encoding="utf-8") as file:
        file.write(step["content"])


def _bind(root: str, step: dict[str, Any]) -> None:
    target = root + step["path"]
    if os.path.isdir(step["source"]):
        os.makedirs(target, mode=0o755, exist_ok=True)
    elif not os.path.exists(target):
        with open(target, "wb"):
            pass
    linux.bind(step["source"], target, _READ_ONLY, recursive=step["recursive"])


def _device(root: str, step: dict[str, Any]) -> None:
    target = root + step["path"]
    with open(target, "wb"):
        pass
    linux.mount(step["source"], target, "", linux.MS_BIND)


def _workplace(root: str, step: dict[str, Any]) -> None:
    # What inits need of the host while they set up; each unmounts it before any code of a function runs.
    target = root + step["path"]
    os.makedirs(target, mode=0o700, exist_ok=True)
    # With what is mounted in it: inside a user namespace the kernel refuses to take trees apart (mount_namespaces(7), locked mounts).
    linux.mount(step["source"], target, "", linux.MS_BIND | linux.MS_REC)


def _mask(root: str, step: dict[str, Any]) -> None:
    if os.path.isdir(root + step["path"]):
        linux.mount("tmpfs", root + step["path"], "tmpfs", _READ_ONLY, "size=4k,mode=755")


_STEPS: dict[str, Callable[[str, dict[str, Any]], None]] = {
    "directory": _directory,
    "symlink": _symlink,
    "file": _file,
    "bind": _bind,
    "device": _device,
    "workplace": _workplace,
    "mask": _mask,
}
