"""Finds the Python interpreters of the machine.

Candidates are listed from the file system (PATH, pyenv, uv) and each is asked once what it is; the answers are kept in a file, since
asking eight interpreters costs 0.3 s of start-up and they change only when somebody installs one.
"""

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from alonzo.runtimes.interpreters import OLDEST_PYTHON, PythonInterpreter

_PROBE_TIMEOUT_SECONDS = 20.0

_INTERPRETER_NAME = re.compile(r"python3(\.\d+)?")

_PROBE = """
import json, os, sys, sysconfig
try:
    import ctypes
except ImportError:
    ctypes = None
library_directory = sysconfig.get_config_var("LIBDIR") or ""
library = os.path.join(library_directory, sysconfig.get_config_var("LDLIBRARY") or "")
shared = sysconfig.get_config_var("Py_ENABLE_SHARED") and os.path.isfile(library)
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "implementation": sys.implementation.name,
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "base_prefix": sys.base_prefix,
    "standard_library": os.path.dirname(os.__file__),
    "library_directory": library_directory if shared else None,
    "has_ctypes": ctypes is not None,
    "is_optimized": sys.base_prefix == "/usr" or "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or ""),
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlaces:
    """Where to look: the directories of PATH, the home directory (for pyenv and uv), and the interpreter that runs the caller.

    `node_modules`: where packages for Node.js are, if the owner has said so.
    """

    path: tuple[Path, ...]
    home: Path
    own_executable: Path
    node_modules: Path | None = None


class _ProbeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    version: tuple[int, int, int]
    implementation: str
    executable: str
    base_prefix: str
    standard_library: str
    library_directory: str | None
    has_ctypes: bool
    is_optimized: bool


class _CachedProbe(msgspec.Struct, frozen=True, kw_only=True):
    """What a file answered when it last changed at `modified_ns`; no answer: it is not a Python that runs."""

    modified_ns: int
    size_bytes: int
    answer: _ProbeAnswer | None


_Cache = dict[str, _CachedProbe]


async def discover_interpreters(places: SearchPlaces, *, cache_file: Path | None) -> tuple[PythonInterpreter, ...]:
    """Every usable CPython of the machine, newest first.

    Asks only the candidates that `cache_file` does not know yet, all at once. Candidates that do not run or are too old are left out.
    An unreadable cache is started anew. Cancellation kills the processes being asked and leaves the cache as it was.
    """
    known = _read_cache(cache_file) if cache_file else {}
    async with asyncio.TaskGroup() as group:
        probes = {str(path): group.create_task(_probe_unless_known(path, known.get(str(path)))) for path in set(iter_candidates(places))}
    current = {path: probe.result() for path, probe in probes.items()}
    if cache_file and any(known.get(path) != probe for path, probe in current.items()):
        _write_cache(cache_file, known | current)  # others may look in other places
    return _usable_interpreters(current)


def iter_candidates(places: SearchPlaces) -> Iterator[Path]:
    """Real files that may be Python interpreters; links are resolved, pyenv's shims replaced by what stands behind them."""
    pyenv_versions = {places.home / ".pyenv" / "versions"}
    for directory in dict.fromkeys(places.path):
        if directory.name == "shims":
            pyenv_versions.add(directory.parent / "versions")
        else:
            yield from _iter_interpreters_in(directory)
    for versions in pyenv_versions:
        for installation in _iter_directory(versions):
            yield from _iter_interpreters_in(installation / "bin")
    for installation in _iter_directory(places.home / ".local" / "share" / "uv" / "python"):
        yield from _iter_interpreters_in(installation / "bin")
    yield places.own_executable.resolve()


def _iter_interpreters_in(directory: Path) -> Iterator[Path]:
    for path in _iter_directory(directory):
        # access(2) first: stat(2) of a link into somebody else's home directory raises.
        if _INTERPRETER_NAME.fullmatch(path.name) and os.access(path, os.X_OK) and path.is_file():
            yield path.resolve()


def _iter_directory(directory: Path) -> Iterator[Path]:
    try:
        yield from directory.iterdir()
    except OSError:
        return  # PATH names directories that do not exist or may not be read; neither holds an interpreter for us


async def _probe_unless_known(path: Path, known: _CachedProbe | None) -> _CachedProbe:
    status = path.stat()  # noqa: ASYNC240 - microseconds on a local file
    if known and (known.modified_ns, known.size_bytes) == (status.st_mtime_ns, status.st_size):
        return known
    return _CachedProbe(modified_ns=status.st_mtime_ns, size_bytes=status.st_size, answer=await _probe(path))


async def _probe(path: Path) -> _ProbeAnswer | None:
    """Ask one interpreter, isolated (-I) and without site-packages (-S): a virtual environment's answers with its base then."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(str(path), "-I", "-S", "-c", _PROBE),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_SECONDS):
            output, _ = await process.communicate()
        return msgspec.json.decode(output, type=_ProbeAnswer)
    except (TimeoutError, msgspec.DecodeError):
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _usable_interpreters(probes: Mapping[str, _CachedProbe]) -> tuple[PythonInterpreter, ...]:
    by_executable = {
        probe.answer.executable: _interpreter(probe.answer)
        for probe in probes.values()
        if probe.answer and probe.answer.implementation == "cpython" and probe.answer.version >= OLDEST_PYTHON
    }
    return tuple(sorted(by_executable.values(), key=lambda interpreter: (interpreter.version, str(interpreter.executable)), reverse=True))


def _interpreter(answer: _ProbeAnswer) -> PythonInterpreter:
    return PythonInterpreter(
        version=answer.version,
        executable=Path(answer.executable),
        base_prefix=Path(answer.base_prefix),
        standard_library=Path(answer.standard_library),
        library_directory=Path(answer.library_directory) if answer.library_directory else None,
        has_ctypes=answer.has_ctypes,
        is_optimized=answer.is_optimized,
    )


def _read_cache(cache_file: Path) -> _Cache:
    try:
        return msgspec.json.decode(cache_file.read_bytes(), type=_Cache)
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def _write_cache(cache_file: Path, cache: _Cache) -> None:
    """Replaced in one step: a node killed in between leaves the old file, two nodes leave one of theirs."""
    cache_file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache_file.parent, prefix=f".{cache_file.name}.", delete=False) as file:
        file.write(msgspec.json.encode(cache))
    Path(file.name).replace(cache_file)
