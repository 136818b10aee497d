"""Archives of images: OCI image layouts in a tar file (Buildah, Podman, Skopeo, Docker since 25) and Docker's own form (`docker save`).

Nothing in an archive is believed before its digest was computed. Which image is meant is told by the archive: it has one for this machine.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import msgspec

from alonzo.images import manifests
from alonzo.images.errors import ImageInvalid
from alonzo.images.manifests import DOCUMENT_MAX_BYTES, INDEX_TYPES, Descriptor, Digest, ImageDescription
from alonzo.images.streams import BROKEN_TAR, BoundedFile

_ENTRIES_MAX = 20_000
_INDEX, _LAYOUT, _DOCKER = "index.json", "oci-layout", "manifest.json"
_NESTED_MAX = 3
_NAME_ANNOTATIONS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


class _DockerImage(msgspec.Struct, frozen=True, rename="pascal"):
    config: str
    layers: list[str]
    repo_tags: list[str] | None = None


class ImageArchive:
    """One archive, open. Blocking: for a thread. All methods: `ImageInvalid`, OSError."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._entries = _entries_of(archive)
        self._layer_paths: dict[Digest, str] = {}
        self.names: tuple[str, ...] = ()
        """What the archive itself calls the image; known when it was described."""

    def describe(self) -> ImageDescription:
        """The image for this machine that is in it."""
        if _LAYOUT in self._entries and _INDEX in self._entries:
            return self._describe_layout()
        if _DOCKER in self._entries:
            return self._describe_docker_image()
        raise ImageInvalid("it is neither an OCI image layout nor what docker save writes")

    @contextmanager
    def open_layer(self, layer: Descriptor) -> Iterator[IO[bytes]]:
        """The bytes of a layer, to be compared with its digest."""
        path = self._layer_paths.get(layer.digest) or _blob_path(layer.digest)
        with self._open(path) as file:
            yield file

    def _describe_layout(self) -> ImageDescription:
        top = manifests.fitting_manifests(manifests.read_index(self._read(_INDEX)))
        found = self._manifests_below(top, depth=0)
        if len(found) != 1:
            raise ImageInvalid(f"it has {len(found)} images for this machine: save one alone")
        (descriptor,) = found.values()
        annotations = [each.annotations or {} for each in (*top, descriptor)]
        names = [each[key] for each in annotations for key in _NAME_ANNOTATIONS if key in each]
        self.names = tuple(dict.fromkeys(names))
        manifest = self._read_blob(descriptor.digest)
        config = self._read_blob(manifests.config_of(manifest).digest)
        return manifests.describe(manifest, config, digest=_hex(descriptor.digest))

    def _manifests_below(self, listed: list[Descriptor], *, depth: int) -> dict[Digest, Descriptor]:
        found: dict[Digest, Descriptor] = {}
        for each in listed:
            if each.media_type not in INDEX_TYPES:
                found[each.digest] = each
            elif depth < _NESTED_MAX:
                nested = manifests.fitting_manifests(manifests.read_index(self._read_blob(each.digest)))
                found |= self._manifests_below(nested, depth=depth + 1)
        return found

    def _describe_docker_image(self) -> ImageDescription:
        try:
            images = msgspec.json.decode(self._read(_DOCKER), type=list[_DockerImage])
        except msgspec.DecodeError as error:
            raise ImageInvalid(f"its manifest cannot be read: {error}") from error
        if len(images) != 1:
            raise ImageInvalid(f"it has {len(images)} images: save one alone")
        (image,) = images
        config = self._read(image.config)
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        manifest = manifests.manifest_for(config, digest)
        described = manifests.describe(manifest, config, digest=hashlib.sha256(manifest).hexdigest())
        if len(image.layers) != len(described.layers):
            raise ImageInvalid("its manifest and its configuration have different layers")
        self._layer_paths = {layer.digest: path for (layer, _), path in zip(described.layers, image.layers, strict=True)}
        self.names = tuple(image.repo_tags or ())
        return described

    def _read_blob(self, digest: Digest) -> bytes:
        content = self._read(_blob_path(digest))
        if hashlib.sha256(content).hexdigest() != _hex(digest):
            raise ImageInvalid(f"{digest} is damaged")
        return content

    def _read(self, path: str) -> bytes:
        with self._open(path) as file:
            content = file.read(DOCUMENT_MAX_BYTES + 1)
        if len(content) > DOCUMENT_MAX_BYTES:
            raise ImageInvalid(f"{path} is too large")
        return content

    @contextmanager
    def _open(self, path: str) -> Iterator[IO[bytes]]:
        entry = self._entries.get(path)
        if entry is None:
            raise ImageInvalid(f"{path} is missing")
        try:
            file = self._archive.extractfile(entry)  # follows links, within the archive
        except (KeyError, *BROKEN_TAR) as error:
            raise ImageInvalid(f"{path} is damaged") from error
        if file is None:
            raise ImageInvalid(f"{path} is not a file")
        with file:
            yield file


@contextmanager
def open_archive(path: Path) -> Iterator[ImageArchive]:
    """An archive in a file. `ImageInvalid`, OSError."""
    with path.open("rb") as file:
        try:
            archive = tarfile.open(fileobj=cast("IO[bytes]", BoundedFile(file)), mode="r:")  # noqa: SIM115 - closed below
            opened = ImageArchive(archive)
        except BROKEN_TAR as error:
            raise ImageInvalid(f"it is no tar file: {error}") from error
        with archive:
            yield opened


def _entries_of(archive: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    entries: dict[str, tarfile.TarInfo] = {}
    while (entry := archive.next()) is not None:
        if entry.issparse():
            raise ImageInvalid(f"{entry.name!r} is sparse")
        entries[entry.name.removeprefix("./")] = entry
        if len(entries) > _ENTRIES_MAX:
            raise ImageInvalid("it has too many files")
    return entries


def _blob_path(digest: Digest) -> str:
    manifests.check_digest(digest)
    return f"blobs/sha256/{_hex(digest)}"


def _hex(digest: Digest) -> str:
    return digest.removeprefix("sha256:")
