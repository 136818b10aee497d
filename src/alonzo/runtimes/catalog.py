"""Lambda's runtime identifiers, read by rule.

AWS adds several identifiers a year and botocore's enum grows with them, so an identifier is taken apart
(`python3.12` is family `python`, version 3.12) and not looked up in a table. Which interpreter runs it is `interpreters.py`'s subject.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


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
    A `retired` runtime is refused by AWS when a function is created or updated.
    """

    identifier: str
    family: RuntimeFamily
    version: tuple[int, ...]
    operating_system: str | None
    retired: bool


_RETIRED = frozenset(
    (
        *("nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x"),
        *("python2.7", "python3.6", "python3.7", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1"),
        *("go1.x", "java8", "ruby2.5", "ruby2.7", "provided"),
    )
)
"""Source: the error AWS answers for these ("is no longer supported for creating or updating AWS Lambda functions") and
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtimes-deprecated."""

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
        retired=identifier in _RETIRED,
    )
