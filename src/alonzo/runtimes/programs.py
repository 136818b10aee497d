"""Programs of the machine that run functions of other languages than Python: which there are, and which runs a runtime."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alonzo.runtimes.catalog import RuntimeFamily, RuntimeSpec
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.interpreters import RuntimeUnavailable

_PROBE_TIMEOUT_SECONDS = 20.0
_NODE_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_JAVA_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)([.\d]*)', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and its version; `executable` is a real file, no link."""

    family: RuntimeFamily
    version: tuple[int, ...]
    executable: Path

    @property
    def prefix(self) -> Path:
        """What a sandbox must show for it to run: `/usr` for `/usr/bin/node`."""
        return self.executable.parent.parent

    @property
    def version_text(self) -> str:
        """As people write it: 20.20.2."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True)
class ProgramChoice:
    """The program that runs a runtime; `warning` says so when it is not the version asked for."""

    program: Program
    warning: str | None


PROGRAM_FAMILIES = {RuntimeFamily.NODEJS: "Node.js", RuntimeFamily.JAVA: "Java"}
"""The languages whose functions a program of the machine runs, by their names."""


async def discover_programs(family: RuntimeFamily, places: SearchPlaces) -> tuple[Program, ...]:
    """Every program of the machine that runs functions of a language, newest first."""
    found = await _discover_node(places) if family is RuntimeFamily.NODEJS else _discover_java(places)
    return tuple(sorted(set(found), key=lambda program: (program.version, str(program.executable)), reverse=True))


def choose_program(runtime: RuntimeSpec, programs: Sequence[Program], *, strict: bool) -> ProgramChoice:
    """The best program for a runtime: the same major version, else the nearest newer one, else the nearest older one.

    Raises `RuntimeUnavailable` when there is none, and with `strict` when it is not the same major version.
    """
    language = PROGRAM_FAMILIES[runtime.family]
    if not programs:
        raise RuntimeUnavailable(f"{runtime.identifier} needs {language}, and this machine has none: install it, and have it on the PATH")
    wanted = runtime.version[0] if runtime.version else 0
    best = min(programs, key=lambda program: _distance(program, wanted))
    if best.version[0] == wanted:
        return ProgramChoice(best, None)
    if strict:
        found = ", ".join(sorted({program.version_text for program in programs}))
        raise RuntimeUnavailable(
            f"{runtime.identifier} needs {language} {wanted}, and this machine has only {found}; "
            f"install it or start without --strict-runtimes"
        )
    running = f"running on {language} {best.version_text} ({best.executable}) instead"
    return ProgramChoice(best, f"{runtime.identifier} is not installed on this machine: {running}")


def _distance(program: Program, wanted: int) -> tuple[bool, int, tuple[int, ...]]:
    """Sorts: not older before older, nearer before farther, higher release before lower."""
    major = program.version[0]
    return major < wanted, abs(major - wanted), tuple(-part for part in program.version)


async def _discover_node(places: SearchPlaces) -> list[Program]:
    """PATH, nvm, fnm, Volta and /opt. Each candidate is asked for its version (40 ms, all at once)."""
    installations = (
        *_installations(places.home / ".nvm" / "versions" / "node", "bin"),
        *_installations(places.home / ".local" / "share" / "fnm" / "node-versions", "installation/bin"),
        *_installations(places.home / ".volta" / "tools" / "image" / "node", "bin"),
    )
    async with asyncio.TaskGroup() as group:
        probes = {path: group.create_task(_ask_version(path)) for path in set(_iter_executables("node", places, installations))}
    answers = {path: _NODE_VERSION.match(probe.result()) for path, probe in probes.items()}
    return [
        Program(family=RuntimeFamily.NODEJS, version=(int(match[1]), int(match[2]), int(match[3])), executable=path)
        for path, match in answers.items()
        if match is not None
    ]


def _discover_java(places: SearchPlaces) -> list[Program]:
    """PATH, /usr/lib/jvm, SDKMAN and /opt. What a Java is stands in the file `release` of its home."""
    installations = (
        *_installations(Path("/usr/lib/jvm"), "bin"),
        *_installations(places.home / ".sdkman" / "candidates" / "java", "bin"),
    )
    found = []
    for path in set(_iter_executables("java", places, installations)):
        release = path.parent.parent / "release"
        match = _JAVA_VERSION.search(release.read_text(errors="replace")) if release.is_file() else None
        if match is not None:
            version = (int(match[1]), *(int(part) for part in match[2].split(".") if part))
            found.append(Program(family=RuntimeFamily.JAVA, version=version, executable=path))
    return found


def _installations(directory: Path, below: str) -> Iterator[Path]:
    if os.access(directory, os.R_OK) and directory.is_dir():
        yield from (installation / below for installation in directory.iterdir())


def _iter_executables(name: str, places: SearchPlaces, installations: Sequence[Path]) -> Iterator[Path]:
    opt = _installations(Path("/opt"), "bin")
    for directory in (*places.path, Path("/usr/local/bin"), Path("/usr/bin"), *installations, *opt):
        candidate = directory / name
        # access(2) first: stat(2) of a link into somebody else's home directory raises.
        if os.access(candidate, os.X_OK) and candidate.is_file():
            yield candidate.resolve()


async def _ask_version(path: Path) -> str:
    """What `PROGRAM --version` prints; nothing for a file that does not run."""
    try:
        process = await asyncio.create_subprocess_exec(
            str(path), "--version", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return ""
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_SECONDS):
            output, _ = await process.communicate()
        return output.decode(errors="replace")
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
