"""From sources to a package: a build, and the archive of what it made."""

from dataclasses import dataclass
from pathlib import Path

from alonzo.deployment.build_methods import BuildMethod, BuildRequest
from alonzo.deployment.builders import build
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.errors import DeploymentError, SourceUnclear
from alonzo.deployment.packages import Package, Packer
from alonzo.deployment.source_files import is_source_path

_WRITTEN_BY_BUILDS = {
    BuildMethod.NODEJS: frozenset({"node_modules"}),
    BuildMethod.ESBUILD: frozenset({"node_modules"}),
    BuildMethod.RUBY: frozenset({"vendor"}),
    BuildMethod.RUST: frozenset({"target"}),
    BuildMethod.MAVEN: frozenset({"target"}),
    BuildMethod.GRADLE: frozenset({"build", ".gradle"}),
    BuildMethod.MAKEFILE: frozenset({"node_modules", "target"}),
}
"""Directories in which a change is no change of a source."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """Makes packages of what is asked for."""

    workshop: Workshop
    packer: Packer

    def assemble(self, request: BuildRequest) -> Package:
        """Build it and pack it. A file instead of a directory is a package already. `DeploymentError` and its kinds."""
        try:
            if request.directory.is_file():
                return Package(request.directory.read_bytes())
            return self._pack(request)
        except OSError as error:
            raise DeploymentError(f"{request.label}: {error}") from error

    def _pack(self, request: BuildRequest) -> Package:
        parts = build(request, self.workshop)
        package = self.packer.pack(parts)
        if package.is_empty:
            raise SourceUnclear(f"{request.label}: there is nothing to package in {request.directory}")
        return package


def concerns(path: Path, request: BuildRequest) -> bool:
    """Whether a change of this file is one of what the request builds from."""
    if path == request.watched:
        return True
    if not path.is_relative_to(request.watched):
        return False
    return is_source_path(path.relative_to(request.watched), skipped=_WRITTEN_BY_BUILDS.get(request.method, frozenset()))
