"""How a function that is a container image is started: what the image says of it, and what the function's configuration says instead.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html ("Container image settings") and AWS's runtime interface emulator.
"""

from dataclasses import dataclass
from pathlib import Path

from alonzo.images.manifests import ImageSettings
from alonzo.images.store import ROOT
from alonzo.model.function import FunctionVersion, ImageConfig
from alonzo.sandbox.sandbox import ImageRoot

_EXTENSIONS_PARENT = "opt"
_WITHOUT_OVERRIDES = ImageConfig()
_SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH of an image that does not say any, as with Docker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLaunch:
    """`directory`: of the image on the host. `command`: the program with its arguments."""

    directory: Path
    command: tuple[str, ...]
    working_directory: str
    variables: dict[str, str]

    @property
    def handler(self) -> str | None:
        """What AWS's emulator takes for it: the last argument. Images that are made from AWS's set the variable themselves."""
        return self.command[-1] if len(self.command) > 1 else None

    @property
    def root(self) -> ImageRoot:
        """For the sandbox."""
        return ImageRoot(path=f"{self.directory.name}/{ROOT}", working_directory=self.working_directory)

    def find_extensions_parent(self) -> Path | None:
        """What lies at /opt, unless links are on the way to its extensions, which would lead elsewhere on the host. Blocking."""
        directory = self.directory / ROOT / _EXTENSIONS_PARENT
        return None if directory.is_symlink() or (directory / "extensions").is_symlink() else directory


def image_launch(version: FunctionVersion, directory: Path, settings: ImageSettings) -> ImageLaunch:
    """For a version whose image lies in a directory."""
    overrides = version.image_config or _WITHOUT_OVERRIDES
    entry_point = settings.entry_point if overrides.entry_point is None else overrides.entry_point
    command = settings.command if overrides.command is None else overrides.command
    return ImageLaunch(
        directory=directory,
        command=(*entry_point, *command),
        working_directory=overrides.working_directory or settings.working_directory or "/",
        variables={"PATH": _SEARCHED, **settings.variables},
    )
