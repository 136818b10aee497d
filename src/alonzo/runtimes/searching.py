"""Looking for programs in the file system, and asking them what they are."""

import asyncio
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from alonzo.runtimes.discovery import SearchPlaces

_ANSWER_TIMEOUT_SECONDS = 20.0


def installations(directory: Path, below: str) -> Iterator[Path]:
    """The directories of programs of what a version manager has installed side by side; nothing where it is not in use."""
    if os.access(directory, os.R_OK) and directory.is_dir():
        yield from (installation / below for installation in directory.iterdir())


def iter_executables(name: str, places: SearchPlaces, further: Sequence[Path]) -> Iterator[Path]:
    """Real files of this name: on the PATH, where the distribution and its owner install, in /opt, and in `further` directories."""
    opt = installations(Path("/opt"), "bin")
    for directory in (*places.path, Path("/usr/local/bin"), Path("/usr/bin"), *further, *opt):
        candidate = directory / name
        # access(2) first: stat(2) of a link into somebody else's home directory raises.
        if os.access(candidate, os.X_OK) and candidate.is_file():
            yield candidate.resolve()


def client_cache() -> Path:
    """Where runtime clients that are not Alonzo's own, and what is known of the machine, are kept for all data directories of a user
    (XDG base directories).
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "alonzo"


def is_directory(path: Path) -> bool:
    """Whether a directory is there and may be entered."""
    return os.access(path, os.R_OK | os.X_OK) and path.is_dir()


async def ask_all(programs: set[Path], arguments: Sequence[str]) -> dict[Path, str]:
    """What each prints, all asked at once; nothing for one that does not run."""
    async with asyncio.TaskGroup() as group:
        questions = {path: group.create_task(_ask(path, arguments)) for path in programs}
    return {path: question.result() for path, question in questions.items()}


async def _ask(path: Path, arguments: Sequence[str]) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *(str(path), *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return ""
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_SECONDS):
            output, _ = await process.communicate()
        return output.decode(errors="replace")
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
