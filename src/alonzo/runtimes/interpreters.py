"""Which Python interpreter of the machine runs which Python runtime.

Finding the interpreters is `discovery.py`'s subject; this file holds what is known of each and the choice between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alonzo.errors import AlonzoError
from alonzo.runtimes.catalog import RuntimeFamily, RuntimeSpec

OLDEST_PYTHON = (3, 9)
"""Interpreters older than the oldest Python runtime that AWS still accepts for updates are of no use."""


class RuntimeUnavailable(AlonzoError):
    """No interpreter of this machine may run the runtime; the message names the runtime and what to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonInterpreter:
    """A real CPython of this machine: never a shim, never a virtual environment's copy.

    `base_prefix` and `standard_library` are the directories that a sandbox must show (`/usr` and `/usr/lib/python3.11`, say).
    `library_directory` holds libpython where the interpreter needs it (to be put on LD_LIBRARY_PATH), else None.
    `has_ctypes` is False where Python was built without libffi: such an interpreter cannot set up a sandbox from inside.
    """

    version: tuple[int, int, int]
    executable: Path
    base_prefix: Path
    standard_library: Path
    library_directory: Path | None
    has_ctypes: bool
    is_optimized: bool
    """Built with optimizations, as distributions build theirs: a third faster than without, as pyenv builds them."""

    @property
    def feature_version(self) -> tuple[int, int]:
        """Major and minor: what a runtime identifier names."""
        return self.version[:2]

    @property
    def version_text(self) -> str:
        """As people write it: 3.12.1."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True)
class InterpreterChoice:
    """The interpreter that runs a runtime; `warning` says so when it is not the version asked for."""

    interpreter: PythonInterpreter
    warning: str | None


def choose_interpreter(runtime: RuntimeSpec, interpreters: Sequence[PythonInterpreter], *, strict: bool) -> InterpreterChoice:
    """The best interpreter for a Python runtime: the same minor version, else the nearest newer one, else the nearest older one.

    Newer before older: Python keeps old code running far more often than it lets new syntax run on old versions.
    Raises `RuntimeUnavailable` when there is none, and with `strict` when it is not the same minor version.
    """
    if runtime.family is not RuntimeFamily.PYTHON:
        raise RuntimeUnavailable(f"{runtime.identifier} is not a Python runtime")
    if not interpreters:
        raise RuntimeUnavailable(f"{runtime.identifier} needs a Python interpreter, 3.9 or newer, and this machine has none")
    wanted = (runtime.version[0], runtime.version[1])
    best = min(interpreters, key=lambda interpreter: _distance(interpreter, wanted))
    if best.feature_version == wanted:
        return InterpreterChoice(best, None)
    found = ", ".join(sorted({interpreter.version_text for interpreter in interpreters}))
    if strict:
        raise RuntimeUnavailable(
            f"{runtime.identifier} needs Python {wanted[0]}.{wanted[1]}, and this machine has only {found}; "
            f"install it (for example with pyenv or uv) or start without --strict-runtimes"
        )
    warning = f"{runtime.identifier} is not installed on this machine: running on Python {best.version_text} ({best.executable}) instead"
    return InterpreterChoice(best, warning)


def _distance(interpreter: PythonInterpreter, wanted: tuple[int, int]) -> tuple[bool, bool, int, bool, int]:
    """Sorts: usable before unusable, not older before older, nearer before farther, optimized first, higher patch release before lower."""
    minor_difference = (interpreter.version[0] - wanted[0]) * 100 + interpreter.version[1] - wanted[1]
    return (not interpreter.has_ctypes, minor_difference < 0, abs(minor_difference), not interpreter.is_optimized, -interpreter.version[2])
