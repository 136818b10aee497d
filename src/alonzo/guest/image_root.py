"""Moves a sandbox into a container image: its tree, read-only, becomes the root, and the one in which the sandbox was built is gone.

Done by process 1, before anything of the function runs and with a runtime's process that waits already. It comes along: pivot_root(2) moves
every process of the mount namespace whose root is the old one.
"""

from __future__ import annotations

import os

from alonzo.guest import linux

_READ_ONLY = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
_TREES = ("dev", "proc")
_FILES = ("etc/hosts", "etc/resolv.conf")


def enter(root: str) -> None:
    """Make the tree at `root` the root. The places to mount on are in it: whoever unpacked it has made them, none of them a link."""
    linux.bind(root, root, _READ_ONLY)  # a mount point of its own, as pivot_root wants it
    for name in _TREES:
        linux.mount(f"/{name}", f"{root}/{name}", "", linux.MS_BIND | linux.MS_REC)
    linux.mount("/tmp", f"{root}/tmp", "", linux.MS_BIND)
    for name in _FILES:
        if os.path.isfile(f"/{name}"):
            linux.bind(f"/{name}", f"{root}/{name}", _READ_ONLY)
    linux.pivot_into(root)
