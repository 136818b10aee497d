"""Lambda's runtime identifiers, read by rule.

AWS adds several identifiers a year and botocore's enum grows with them, so an identifier is taken apart
(`python3.12` is family `python`, version 3.12) and not looked up in a table. Which interpreter runs it is `interpreters.py`'s subject.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from alonzo.runtimes.lifecycle import RuntimePhase, phase_of


class RuntimeFamily(StrEnum):
    """The language of a runtime, or `provided` for programs that bring their own bootstrap."""

    PYTHON = "python"
    NODEJS = "nodejs"
    JAVA = "java"
    DOTNET = "dotnet"
    RUBY = "ruby"
    GO = "go"
    PROVIDED = "provided"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSpec:
    """One runtime identifier, taken apart.

    `version` is what the identifier says: (3, 12), (22,), () for `provided` and the first `nodejs`.
    `operating_system` is the suffix (`al2`, `al2023`), None where the identifier has none.
    """

    identifier: str
    family: RuntimeFamily
    version: tuple[int, ...]
    operating_system: str | None
    phase: RuntimePhase


_IDENTIFIER = re.compile(
    r"(?P<family>python(?=\d+\.)|nodejs|java(?=\d)|dotnet(?=\d|core)|ruby(?=\d)|go(?=\d)|provided(?!\d))(?:core)?"
    r"(?P<version>\d+(?:\.\d+)?)?(?:\.x)?"
    r"(?:\.(?P<operating_system>al\d+))?(?:-edge)?"
)


def find_runtime(identifier: str) -> RuntimeSpec | None:
    """Take a runtime identifier apart; None if it is not shaped like any of AWS's."""
    match = _IDENTIFIER.fullmatch(identifier)
    if match is None:
        return None
    version = match["version"] or ""
    return RuntimeSpec(
        identifier=identifier,
        family=RuntimeFamily(match["family"]),
        version=tuple(int(part) for part in version.split(".") if part),
        operating_system=match["operating_system"],
        phase=phase_of(identifier),
    )
