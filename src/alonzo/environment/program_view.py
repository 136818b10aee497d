"""What a sandbox shows of a program of the machine, and where the program is then."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from alonzo.environment.variables import RUNTIME_DIRECTORY
from alonzo.runtimes.programs import Program, SearchDirectory
from alonzo.sandbox.plan import Shown

PROGRAM_ROOT = Path("/var/program")
"""Where a sandbox shows a program that the distribution has not installed."""

LIBRARIES_ROOT = Path("/var/libraries")
"""Where it shows packages that lie elsewhere."""

_SHOWN_TREE, _HIDDEN_TREE = Path("/usr"), Path("/usr/local")
"""Every sandbox shows the one, and none the other."""

_PLACES = {"NODE_PATH": Path(RUNTIME_DIRECTORY) / "node_modules"}
"""Where AWS has packages of its own."""


@dataclass(frozen=True, slots=True)
class ProgramView:
    """A program: as it is, as it is seen in a sandbox, and what the sandbox must show to that end."""

    program: Program
    seen: Program
    shown: tuple[Shown, ...]

    @classmethod
    def of(cls, program: Program) -> Self:
        """The view of a program; one of the distribution's needs nothing shown, but perhaps for its packages."""
        shown: list[Shown] = []
        prefix = None if _is_shown(program.executable) else program.prefix
        if prefix is not None:
            shown.append(Shown(prefix, PROGRAM_ROOT))
        libraries = tuple(_show(library, prefix, shown) for library in program.libraries)
        seen = replace(program, libraries=libraries, own_libraries=())
        if prefix is not None:
            own = tuple(_show(library, prefix, shown) for library in program.own_libraries)
            seen = replace(seen, executable=_moved(program.executable, prefix), libraries=(*libraries, *own))
        return cls(program=replace(program, own_libraries=()), seen=seen, shown=tuple(shown))


def _is_shown(path: Path) -> bool:
    return path.is_relative_to(_SHOWN_TREE) and not path.is_relative_to(_HIDDEN_TREE)


def _show(library: SearchDirectory, prefix: Path | None, shown: list[Shown]) -> SearchDirectory:
    place = _PLACES.get(library.variable)
    if place is None and _is_shown(library.path):
        return library
    if place is None and prefix is not None and library.path.is_relative_to(prefix):
        return replace(library, path=_moved(library.path, prefix))
    place = place or LIBRARIES_ROOT / str(len(shown))
    shown.append(Shown(library.path, place))
    return replace(library, path=place)


def _moved(path: Path, prefix: Path) -> Path:
    return PROGRAM_ROOT / path.relative_to(prefix)
