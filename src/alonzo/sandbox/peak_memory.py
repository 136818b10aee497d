"""The most memory that a control group has used, read from a file of the kernel's that stays open: 2 µs, and no disk."""

import os
from pathlib import Path


class PeakMemory:
    """Of one sandbox or clone, whose owner closes it."""

    def __init__(self) -> None:
        self._file: int | None = None
        self._last: int | None = None

    def open(self, path: Path | None) -> None:
        """Where it is read from; None: the host does not count it."""
        if path is not None and self._file is None:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> int | None:
        """In bytes; what was read last when the group is gone, or this is closed. None if nothing ever was."""
        if self._file is None:
            return self._last
        try:
            self._last = int(os.pread(self._file, 32, 0))
        except OSError:
            return self._last  # ENODEV: the group was removed, which its owner has not been told yet
        return self._last

    def close(self) -> None:
        """May be called again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
