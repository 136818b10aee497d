"""What describes an image: manifests, lists of them and configurations, of OCI and Docker alike, read with suspicion.

Sources: https://github.com/opencontainers/image-spec (manifest.md, image-index.md, config.md) and Docker's schema 2, which has the same
members.
"""

import platform
import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import TypeVar

import msgspec

from alonzo.images.errors import ImageInvalid

DOCUMENT_MAX_BYTES = 4 << 20
"""As registries have it for manifests."""

INDEX_TYPES = frozenset({"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"})
MANIFEST_TYPES = frozenset({"application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"})
_PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYERS_MAX = 127  # Docker's and ECR's limit
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ARCHITECTURES = MappingProxyType({"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"})
_VARIABLES_MAX_BYTES = 128 << 10  # so much of a single one the kernel takes: execve(2)

Digest = str
"""`sha256:` and 64 hexadecimal digits."""


class Platform(msgspec.Struct, frozen=True):
    """What an image was built for."""

    architecture: str = ""
    os: str = ""


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A reference to a document or a layer by its digest."""

    digest: Digest
    media_type: str = ""
    size: int = 0
    platform: Platform | None = None
    annotations: dict[str, str] | None = None


class _Index(msgspec.Struct, frozen=True):
    manifests: list[Descriptor]


class _Manifest(msgspec.Struct, frozen=True):
    config: Descriptor
    layers: list[Descriptor]


class _Settings(msgspec.Struct, frozen=True, rename="pascal"):
    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    working_dir: str | None = None


class _RootFileSystem(msgspec.Struct, frozen=True):
    diff_ids: list[str]


class _Config(msgspec.Struct, frozen=True):
    rootfs: _RootFileSystem
    architecture: str = ""
    os: str = ""
    config: _Settings | None = None


class ImageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an image says of how it is run."""

    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = ""
    variables: dict[str, str] = {}


class ImageDescription(msgspec.Struct, frozen=True, kw_only=True):
    """An image before its layers are there. `digest`: of its manifest, hexadecimal; `layers` with the digests of their tar files."""

    digest: str
    settings: ImageSettings
    layers: tuple[tuple[Descriptor, Digest], ...]


def read_index(content: bytes) -> list[Descriptor]:
    """What an index lists. `ImageInvalid`."""
    index = _decode(content, _Index, "index")
    for descriptor in index.manifests:
        check_digest(descriptor.digest)
    return index.manifests


def fitting_manifests(listed: Sequence[Descriptor]) -> list[Descriptor]:
    """Those of what an index lists that may be of use to this machine, each once. `ImageInvalid` if none is."""
    known = [each for each in listed if each.media_type in INDEX_TYPES | MANIFEST_TYPES]
    if not known:
        raise ImageInvalid("it has no manifest of a kind that is known")
    fitting = {each.digest: each for each in known if each.platform is None or _is_ours(each.platform.os, each.platform.architecture)}
    if not fitting:
        built_for = sorted({each.platform.architecture for each in known if each.platform is not None} - {"unknown"})
        raise ImageInvalid(f"it was built for {', '.join(built_for)}, and this machine is {_own_architecture()}")
    return list(fitting.values())


def config_of(manifest: bytes) -> Descriptor:
    """Where the configuration of an image is. `ImageInvalid`."""
    descriptor = _decode(manifest, _Manifest, "manifest").config
    check_digest(descriptor.digest)
    return descriptor


def describe(manifest: bytes, config: bytes, *, digest: str) -> ImageDescription:
    """The image of a manifest and its configuration. `ImageInvalid`."""
    layers, known = _decode(manifest, _Manifest, "manifest").layers, read_config(config)
    if len(layers) != len(known.rootfs.diff_ids):
        raise ImageInvalid("its manifest and its configuration have different layers")
    for layer, diff_id in zip(layers, known.rootfs.diff_ids, strict=True):
        check_digest(layer.digest)
        check_digest(diff_id)
    if len(layers) > _LAYERS_MAX:
        raise ImageInvalid(f"it has more than {_LAYERS_MAX} layers")
    if not _is_ours(known.os or "linux", known.architecture):
        raise ImageInvalid(f"it was built for {known.os} on {known.architecture}, and this machine is {_own_architecture()}")
    return ImageDescription(
        digest=digest, settings=_settings_of(known.config or _Settings()), layers=tuple(zip(layers, known.rootfs.diff_ids, strict=True))
    )


def read_config(content: bytes) -> _Config:
    """`ImageInvalid`."""
    return _decode(content, _Config, "configuration")


def manifest_for(config: bytes, config_digest: Digest) -> bytes:
    """For an archive of Docker's, which has none: with uncompressed layers, always the same for the same image. `ImageInvalid`."""
    layers = [{"mediaType": _PLAIN_LAYER, "digest": diff_id, "size": 0} for diff_id in read_config(config).rootfs.diff_ids]
    described = {"mediaType": _CONFIG_TYPE, "digest": config_digest, "size": len(config)}
    return msgspec.json.encode({"schemaVersion": 2, "config": described, "layers": layers}, order="sorted")


def check_digest(digest: str) -> None:
    """`ImageInvalid` unless it is one of SHA-256."""
    if _DIGEST.fullmatch(digest) is None:
        raise ImageInvalid(f"{digest[:80]!r} is no digest of SHA-256")


D = TypeVar("D")


def _decode(content: bytes, kind: type[D], what: str) -> D:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ImageInvalid(f"its {what} cannot be read: {error}") from error


def _settings_of(settings: _Settings) -> ImageSettings:
    variables = {}
    for each in settings.env or ():
        name, assigned, value = each.partition("=")
        if not assigned or not name:
            continue  # as the kernel has it, no variable
        variables[name] = value
    words = [*(settings.entrypoint or ()), *(settings.cmd or ()), *variables, *variables.values(), settings.working_dir or ""]
    if any("\0" in word or len(word.encode(errors="replace")) >= _VARIABLES_MAX_BYTES for word in words):
        raise ImageInvalid("its configuration has what no program can be started with")
    return ImageSettings(
        entry_point=tuple(settings.entrypoint or ()),
        command=tuple(settings.cmd or ()),
        working_directory=settings.working_dir or "",
        variables=variables,
    )


def _is_ours(system: str, architecture: str) -> bool:
    return system == "linux" and architecture == _own_architecture()


def _own_architecture() -> str:
    return _ARCHITECTURES.get(platform.machine(), platform.machine())
