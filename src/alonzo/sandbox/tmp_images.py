"""Template images for /tmp: one empty ext4 file system a size, made once, copied sparsely for each sandbox."""

import asyncio
import os
import shutil
from pathlib import Path

from alonzo.errors import SetupError

_MIB = 1_048_576
_ZEROED_END_BYTES = 65_536
"""Source: zap_sector() of mke2fs(8), which clears what might be the superblock of a software RAID."""

_SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
_MKFS = "mkfs.ext4"


def find_mkfs() -> str | None:
    """The program that makes the images; in Debian's e2fsprogs."""
    return shutil.which(_MKFS, path=_SEARCH_PATH)


class TmpImages:
    """The templates in one directory, by size. The file names are what `guest/init.py` opens."""

    def __init__(self, *, directory: Path, mkfs: str) -> None:
        self._directory = directory
        self._mkfs = mkfs
        self._known: set[int] = set()
        self._lock = asyncio.Lock()

    async def ensure(self, mib: int) -> None:
        """Make the template of this size unless it is there; 20 ms the first time."""
        if mib in self._known:
            return
        async with self._lock:
            path = self._directory / f"template-{mib}.img"
            if not path.exists():
                await self._make(path, mib)
            self._known.add(mib)

    async def _make(self, path: Path, mib: int) -> None:
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with draft.open("wb") as file:
            file.truncate(mib * _MIB)
        # No journal, no spare superblocks: an image lives no longer than its sandbox. No lazy inode tables: a kernel thread would write
        # them later.
        features, options = "^has_journal,^resize_inode,sparse_super2", "lazy_itable_init=1,nodiscard,num_backup_sb=0"
        await self._run(self._mkfs, "-q", "-F", "-m", "0", "-O", features, "-E", options, str(draft))
        with draft.open("r+b") as file:
            # It ends with zeros, where another kind of disk would have a superblock: in a file, a hole will do.
            end = file.seek(-_ZEROED_END_BYTES, os.SEEK_END)
            if not any(file.read()):
                file.truncate(end)
                file.truncate(mib * _MIB)
        debugfs = shutil.which("debugfs", path=_SEARCH_PATH)
        if debugfs is not None:
            # Once here instead of once in each sandbox.
            await self._run(debugfs, "-w", "-R", "rmdir lost+found", str(draft))
        draft.replace(path)

    async def _run(self, *command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        _, output = await process.communicate()
        if process.returncode != 0:
            problem = output.decode(errors="replace").strip()
            raise SetupError(f"{command[0]} cannot make an image for /tmp in {self._directory}: {problem}")
