"""Names of container images, as callers write them: `registry/repository:tag` or `registry/repository@sha256:…`."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"(?P<repository>[^\s@]+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@sha256:(?P<digest>[0-9a-f]{64}))?", re.ASCII)
"""Source: https://github.com/distribution/reference (repository, tag and digest), less strict about the repository."""

_NAME_MAX_LENGTH = 512
_TAG_DEFAULT = "latest"
_LOCAL_HOSTS = ("docker.io/library/", "docker.io/", "localhost/")
"""What Docker, Podman and Buildah put before the name of an image that was named without a registry."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """`registry` is empty where the name has none; `tag` is "latest" where it says neither tag nor digest."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def without_registry(self) -> str:
        """`repository:tag`."""
        return f"{self.repository}:{self.tag}"

    @property
    def with_registry(self) -> str:
        """`registry/repository:tag`."""
        return f"{self.registry}/{self.without_registry}" if self.registry else self.without_registry


def read_image_name(uri: str) -> ImageName | None:
    """A name taken apart; None if it cannot be one. The registry is told from the repository as Docker does."""
    match = _NAME.fullmatch(uri) if len(uri) <= _NAME_MAX_LENGTH else None
    if match is None:
        return None
    host, slash, rest = match["repository"].partition("/")
    has_registry = slash and ("." in host or ":" in host or host == "localhost")
    registry, repository = (host, rest) if has_registry else ("", match["repository"])
    tag = match["tag"] or (None if match["digest"] else _TAG_DEFAULT)
    return ImageName(registry, repository, tag, match["digest"]) if repository else None


def local_name(uri: str) -> ImageName | None:
    """The same for images that are loaded, whose tools add hosts that nobody has asked for."""
    host = next((host for host in _LOCAL_HOSTS if uri.startswith(host)), "")
    return read_image_name(uri.removeprefix(host))
