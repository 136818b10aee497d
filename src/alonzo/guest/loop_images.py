"""/tmp as a file system of its own: a copy of a template's image, without a name, mounted through a loop device (loop(4)).

File and device go away with the mount, also when everything is killed.
"""

from __future__ import annotations

import fcntl
import os
import struct

from alonzo.guest import linux

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A
_LO_FLAGS_AUTOCLEAR = 4
_LOOP_BLOCK_BYTES = 4096


class LoopImage:
    """A copy of the image that is open at `source`, in `directory`, on a device of its own. The caller closes what it does not mount.

    The device first, the data then, and through the device: the kernel writes what it finds in a file to the disk when it is made a
    device, and waits; and whoever has looked at the new device has seen nothing but zeros, which the mount would see again.
    `lock_file`: sandboxes that are built at once take turns. Without, they race for the same free device: 26 tries each for 200 of them.
    """

    def __init__(self, source: int, directory: str, device_directory: str, lock_file: str) -> None:
        self.file = _new_nameless(source, directory)
        try:
            lock = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._path, self._device = _attach(self.file, device_directory)
            finally:
                os.close(lock)
        except BaseException:
            os.close(self.file)
            raise
        try:
            _copy_sparse(source, self._device)
        except BaseException:
            self.close()
            raise

    def mount(self, mount_point: str) -> None:
        """From here on the device goes away with the mount. The file stays open: it is the caller's."""
        flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOATIME
        try:
            linux.mount(self._path, mount_point, "ext4", flags, "noinit_itable,nobarrier")
        finally:
            os.close(self._device)

    def close(self) -> None:
        """It is not mounted."""
        os.close(self._device)
        os.close(self.file)


def copy_nameless(source: int, directory: str) -> int:
    """A copy of a file that is open, for reading and writing, that has no name. The caller closes it."""
    image = _new_nameless(source, directory)
    try:
        _copy_sparse(source, image)
    except BaseException:
        os.close(image)
        raise
    return image


def _new_nameless(source: int, directory: str) -> int:
    """As long as `source`, all of it a hole."""
    image = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(image, os.fstat(source).st_size)
    except BaseException:
        os.close(image)
        raise
    return image


def _attach(image: int, device_directory: str) -> tuple[str, int]:
    for _ in range(64):
        # Another program may take the same free device between the two calls: EBUSY, ask again.
        device = _attach_free(image, device_directory)
        if device:
            return device
    raise OSError("no free loop device after 64 tries")


def _attach_free(image: int, device_directory: str) -> tuple[str, int] | None:
    with open(f"{device_directory}/loop-control", "rb") as control:
        number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
    path = f"{device_directory}/loop{number}"
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    # struct loop_config: fd, block size, struct loop_info64 (flags at offset 52 of its 232 bytes), reserved.
    info = struct.pack("<5Q4I64s64s32s2Q", 0, 0, 0, 0, 0, number, 0, 0, _LO_FLAGS_AUTOCLEAR, b"alonzo", b"", b"", 0, 0)
    try:
        fcntl.ioctl(descriptor, _LOOP_CONFIGURE, struct.pack("<2I", image, _LOOP_BLOCK_BYTES) + info + bytes(64))
    except OSError:
        os.close(descriptor)
        return None
    return path, descriptor


def _copy_sparse(source: int, target: int) -> None:
    """Copy the data of a sparse file into `target`, which is as long and empty: holes stay holes."""
    size = os.fstat(source).st_size
    offset = 0
    while offset < size:
        try:
            start = os.lseek(source, offset, os.SEEK_DATA)
        except OSError:
            break  # ENXIO: nothing but a hole from here on (lseek(2))
        offset = os.lseek(source, start, os.SEEK_HOLE)
        _copy_range(source, target, start, offset)


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        data = os.pread(source, min(end - start, 1 << 20), start)
        start += os.pwrite(target, data, start)
