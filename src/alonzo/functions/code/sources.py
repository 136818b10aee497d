"""What a caller gives as a function's code, and the package that it becomes."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alonzo.functions.code.directories import CodeDirectories, SharedBytes
from alonzo.functions.errors import InvalidParameter
from alonzo.model.function import CodePackage

_IMAGE_URI = re.compile(r"(?P<repository>[^\s@]+?)(?P<tag>:[\w][\w.-]{0,127})?(@sha256:(?P<digest>[0-9a-f]{64}))?")
"""Source: https://github.com/distribution/reference (repository, tag and digest), less strict about the repository."""


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """An image by the URI that a caller gives: `registry/repository:tag` or `registry/repository@sha256:…`."""

    uri: str

    async def to_package(self, resolve: "ResolveImage") -> CodePackage:
        """The image that the name means now, by its digest. `InvalidParameter` when the URI cannot be one; what `resolve` raises."""
        if _IMAGE_URI.fullmatch(self.uri) is None:
            raise InvalidParameter(f"Source image {self.uri} is not valid. Provide a valid source image.")
        return CodePackage(await resolve(self.uri), 0, self.uri)


ResolveImage = Callable[[str], Awaitable[str]]
"""From an image's URI to its digest, in hexadecimal. Errors: see `ImageStore.resolve`."""


CodeSource = bytes | ContainerImage
"""A zip archive, or an image."""


async def admit_code(
    code: CodeSource,
    directories: CodeDirectories,
    resolve_image: ResolveImage,
    *,
    dry_run: bool = False,
    shared: SharedBytes | None = None,
) -> CodePackage:
    """Check the code and keep it, unless it is a `dry_run`; `shared` as in `CodeDirectories.admit`.

    Errors: those of `CodeDirectories.admit`, `InvalidParameter`, those of `resolve_image`.
    """
    if isinstance(code, ContainerImage):
        return await code.to_package(resolve_image)
    return await (directories.check(code) if dry_run else directories.admit(code, shared=shared))


def package_type_of(code: CodeSource) -> str:
    """Source: botocore shape `PackageType`."""
    return "Image" if isinstance(code, ContainerImage) else "Zip"


def check_package_type(code: CodeSource, package_type: str) -> None:
    """Code of the one kind does not become code of the other. `InvalidParameter`; the messages are recorded from AWS."""
    if package_type_of(code) == package_type:
        return
    if package_type == "Zip":
        raise InvalidParameter("Please don't provide ImageUri when updating a function with packageType Zip.")
    raise InvalidParameter("Please provide ImageUri when updating a function with packageType Image.")


def resolved_image_uri(package: CodePackage) -> str:
    """The image by its digest."""
    match = _IMAGE_URI.fullmatch(package.image_uri or "")
    return f"{package.image_uri if match is None else match['repository']}@sha256:{package.sha256}"
