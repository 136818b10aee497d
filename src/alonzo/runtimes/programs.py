"""Programs of the machine that run functions of other languages than Python: what is known of each, and which runs a runtime.

Finding them is `program_discovery.py`'s subject.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from alonzo.runtimes.catalog import RuntimeFamily, RuntimeSpec
from alonzo.runtimes.interpreters import RuntimeUnavailable


@dataclass(frozen=True, slots=True)
class SearchDirectory:
    """A directory that a program searches when a variable of its environment names it."""

    variable: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program and its version; `executable` is a real file, no link.

    `libraries`: where it finds packages of the machine (the AWS SDK, for one). `own_libraries`: what it must be told of itself where its
    prefix is shown elsewhere than where it was installed.
    """

    family: RuntimeFamily
    version: tuple[int, ...]
    executable: Path
    libraries: tuple[SearchDirectory, ...] = ()
    own_libraries: tuple[SearchDirectory, ...] = ()

    @property
    def prefix(self) -> Path:
        """What a sandbox must show for it to run: `/usr` for `/usr/bin/node`. Only .NET has its program beside its libraries."""
        return self.executable.parent if self.family is RuntimeFamily.DOTNET else self.executable.parent.parent

    @property
    def version_text(self) -> str:
        """As people write it: 20.20.2."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True)
class ProgramChoice:
    """The program that runs a runtime; `warning` says so when it is not the version asked for."""

    program: Program
    warning: str | None


PROGRAM_FAMILIES = MappingProxyType(
    {RuntimeFamily.NODEJS: "Node.js", RuntimeFamily.JAVA: "Java", RuntimeFamily.RUBY: "Ruby", RuntimeFamily.DOTNET: ".NET"}
)
"""The languages whose functions a program of the machine runs, by their names."""


def choose_program(runtime: RuntimeSpec, programs: Sequence[Program], *, strict: bool) -> ProgramChoice:
    """The best program for a runtime: the same version, else the nearest newer one, else the nearest older one.

    The same: in as many parts as the language counts for one (Node.js 22, Ruby 3.3).
    Raises `RuntimeUnavailable` when there is none, and with `strict` when it is not the same version.
    """
    language = PROGRAM_FAMILIES[runtime.family]
    if not programs:
        raise RuntimeUnavailable(f"{runtime.identifier} needs {language}, and this machine has none: install it, and have it on the PATH")
    parts = 2 if runtime.family is RuntimeFamily.RUBY else 1
    wanted = runtime.version[:parts] or (0,)
    best = min(programs, key=lambda program: _distance(program, wanted))
    if best.version[:parts] == wanted:
        return ProgramChoice(best, None)
    if strict:
        found = ", ".join(sorted({program.version_text for program in programs}))
        raise RuntimeUnavailable(
            f"{runtime.identifier} needs {language} {'.'.join(map(str, wanted))}, and this machine has only {found}; "
            f"install it or start without --strict-runtimes"
        )
    running = f"running on {language} {best.version_text} ({best.executable}) instead"
    return ProgramChoice(best, f"{runtime.identifier} is not installed on this machine: {running}")


def _distance(program: Program, wanted: tuple[int, ...]) -> tuple[bool, int, tuple[int, ...]]:
    """Sorts: not older before older, nearer before farther, higher release before lower."""
    version = program.version[: len(wanted)]
    return version < wanted, abs(_as_number(version) - _as_number(wanted)), tuple(-part for part in program.version)


def _as_number(version: tuple[int, ...]) -> int:
    """Major releases lie farther apart than minor ones."""
    major, minor = (*version, 0, 0)[:2]
    return major * 100 + minor
