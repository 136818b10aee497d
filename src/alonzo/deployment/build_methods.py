"""How a function's or a layer's sources become what is packaged: the name of the way, and what it needs to know."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class BuildMethod(StrEnum):
    """The ways there are. A template names one with `Metadata: BuildMethod`, in SAM's words (`method_of`)."""

    AS_IS = "as is"
    PYTHON = "python"
    NODEJS = "nodejs"
    ESBUILD = "esbuild"
    RUBY = "ruby"
    GO = "go"
    RUST = "rust"
    MAVEN = "maven"
    GRADLE = "gradle"
    MAKEFILE = "makefile"


COMPILED = frozenset({BuildMethod.ESBUILD, BuildMethod.GO, BuildMethod.RUST, BuildMethod.MAVEN, BuildMethod.GRADLE, BuildMethod.MAKEFILE})
"""What is packaged of these is what a build command has written, and not the sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What is to be built.

    `label` names it to people, `logical_id` to a Makefile (`build-<logical_id>`). `runtime` is empty for layers that are as they are.
    `architecture` is AWS's word, x86_64 or arm64. `main`: the directory of Go's main program. `around`: that of the larger build of
    which this is a part, which may change it. `properties` are the template's BuildProperties.
    """

    label: str
    logical_id: str
    directory: Path
    method: BuildMethod
    runtime: str
    handler: str
    architecture: str
    is_layer: bool = False
    main: Path | None = None
    around: Path | None = None
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def watched(self) -> Path:
        """Where a changed file may change what is built."""
        return self.around or self.directory
