"""A small file system in a file, to be filled and emptied. It takes root."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_DISK_BYTES = 320 * 1024 * 1024
_LEFT_BYTES = 32 * 1024 * 1024  # less than the store's reserve


class CannotMount(RuntimeError):
    """There is no mkfs.ext4, or this user may not mount."""


class SmallDisk:
    """Mounted at `directory`; made by `mounted_small_disk`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._filler = directory / "filler"

    def fill(self) -> None:
        """Leave less than the store's reserve, and more than nothing: a nats-server that meets the very end has to be started again."""
        disk = os.statvfs(self.directory)
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - _LEFT_BYTES)

    def make_room(self) -> None:
        """As before `fill`."""
        self._filler.unlink()


@contextlib.contextmanager
def mounted_small_disk(parent: Path) -> Iterator[SmallDisk]:
    """Its image and its mount point lie in `parent`. `CannotMount`."""
    image, directory = parent / "disk.img", parent / "disk"
    directory.mkdir()
    with image.open("wb") as file:
        file.truncate(_DISK_BYTES)
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if mkfs is None:
        raise CannotMount("there is no mkfs.ext4")
    for command in ([mkfs, "-q", "-F", str(image)], ["mount", "-o", "loop", str(image), str(directory)]):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise CannotMount(done.stderr.strip())
    directory.chmod(0o755)
    try:
        yield SmallDisk(directory)
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
