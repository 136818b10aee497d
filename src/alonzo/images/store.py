"""The images of a node: loaded by its users or fetched for its functions, each unpacked once and read-only, shared by all environments.

`<directory>/<digest>/` is complete or not there: `root/` is the image's tree, `image.json` what it says of itself. An image is unpacked
beside and renamed into place once it is on the disk: those that were loaded could not be had again. `names/` has a file for each name
that an image was loaded under. Several workers use one directory: all that they do to it is atomic.
"""

import asyncio
import ctypes
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Protocol
from weakref import WeakValueDictionary

import msgspec

from alonzo.ids import new_hex_id
from alonzo.images.archives import open_archive
from alonzo.images.errors import ImageGone, ImageInvalid, ImageNotFound, NoRoomForImage
from alonzo.images.manifests import Descriptor, ImageDescription, ImageSettings
from alonzo.images.names import ImageName, local_name, read_image_name
from alonzo.images.registries import Registries
from alonzo.images.streams import LayerStream
from alonzo.images.trees import ImageTree
from alonzo.model.quotas import IMAGE_UNCOMPRESSED_MAX_BYTES

ROOT = "root"
"""The image's tree, below its directory."""

_RECORD, _NAMES = "image.json", "names"
_LAYER_MAX_BYTES = IMAGE_UNCOMPRESSED_MAX_BYTES + (2 << 30)  # with the headers of its files
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NAME_IMPOSSIBLE = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP, errno.EMLINK, errno.ENOTDIR, errno.EISDIR})


class LayerSource(Protocol):
    """Where the layers of an image are read from."""

    def open_layer(self, layer: Descriptor) -> AbstractContextManager[IO[bytes]]: ...


class LoadedImage(msgspec.Struct, frozen=True, kw_only=True):
    """A name that an image was loaded under."""

    name: str
    digest: str


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    settings: ImageSettings


class ImageStore:
    """One a node. `can_run`: whether this node can run images at all."""

    def __init__(self, *, directory: Path, registries: Registries, can_run: bool) -> None:
        self._directory = directory
        self._names = directory / _NAMES
        self._registries = registries
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._can_run = can_run

    @property
    def directory(self) -> Path:
        """Which holds the images by their digests."""
        return self._directory

    async def resolve(self, uri: str) -> str:
        """The digest of the image that a caller names: one that was loaded, else what a registry says.

        `ImageNotFound`, `ImageAccessDenied`, `ImageInvalid`, `RegistryFailed`.
        """
        name = read_image_name(uri)
        if name is None:
            raise ImageNotFound(uri)
        digest = await asyncio.to_thread(self._find, name)
        if digest is None:
            digest = await self._registries.find_digest(name)
        if digest is None:
            raise ImageNotFound(uri)
        return digest

    async def ensure(self, digest: str, uri: str) -> Path:
        """The directory of an image, fetched now if need be; callers at the same time share the work.

        `ImageGone`, `NoRoomForImage`, `ImageAccessDenied`, `ImageInvalid`, `RegistryFailed`.
        """
        if not self._can_run:
            raise ImageInvalid("Container images need namespaces: this server was started with --isolation process.")
        directory = self._directory / digest
        turn = self._turns.setdefault(digest, asyncio.Lock())
        async with turn:
            if not await asyncio.to_thread(directory.is_dir):
                await self._fetch(digest, uri)
        return directory

    async def load(self, archive: Path, name: str | None) -> list[LoadedImage]:
        """Take in an image, under a name or those that its archive says. `ImageInvalid`, `NoRoomForImage`."""
        return await asyncio.to_thread(self._load, archive, name)

    async def list_images(self) -> list[LoadedImage]:
        """What was loaded, by name."""
        return await asyncio.to_thread(lambda: sorted(self._iter_names(), key=lambda each: each.name))

    async def forget(self, name: str) -> None:
        """Take a name from its image, which goes with `collect` if no function has it. `ImageNotFound`."""
        known = local_name(name)
        if known is None or not await asyncio.to_thread(self._forget, known):
            raise ImageNotFound(name)

    async def collect(self, used: Collection[str]) -> int:
        """Remove images that have no name and whose digests are not among those in use; how many."""
        return await asyncio.to_thread(self._collect, used)

    @contextmanager
    def temporary_file(self) -> Iterator[Path]:
        """A place for an archive on its way, on the same disk; removed at the end."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f".arriving-{new_hex_id(8)}"
        try:
            with _disk_errors():
                yield path
        finally:
            path.unlink(missing_ok=True)

    async def _fetch(self, digest: str, uri: str) -> None:
        name = read_image_name(uri)
        if name is None:
            raise ImageGone(f"The image {uri} is not on this server any more.")
        with self.temporary_directory() as arrived:
            fetched = await self._registries.fetch(name, digest, arrived)
            if fetched is None:
                raise ImageGone(f"The image {uri} is not on this server any more, and no registry has it.")
            await asyncio.to_thread(self._unpack, fetched.description, fetched)

    @contextmanager
    def temporary_directory(self) -> Iterator[Path]:
        """The same for several."""
        path = self._directory / f".arriving-{new_hex_id(8)}"
        try:
            with _disk_errors():
                path.mkdir(parents=True)
                yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _find(self, name: ImageName) -> str | None:
        if name.digest is not None:
            return name.digest if (self._directory / name.digest).is_dir() else None
        for candidate in dict.fromkeys((name.with_registry, name.without_registry)):
            try:
                digest = msgspec.json.decode(self._name_file(candidate).read_bytes(), type=LoadedImage).digest
            except FileNotFoundError:
                continue
            if (self._directory / digest).is_dir():
                return digest
        return None

    def _load(self, path: Path, name: str | None) -> list[LoadedImage]:
        with open_archive(path) as archive:
            image = archive.describe()
            names = _names_of(name, archive.names)
            self._names.mkdir(parents=True, exist_ok=True)
            # Before the image is there, which nobody shall find to be without a name.
            loaded = [LoadedImage(name=each.with_registry, digest=image.digest) for each in names]
            if not (self._directory / image.digest).is_dir():
                self._unpack(image, archive, before_ready=lambda: self._write_names(loaded))
            else:
                self._write_names(loaded)
            return loaded

    def _write_names(self, images: Collection[LoadedImage]) -> None:
        for image in images:
            temporary = self._directory / f".arriving-{new_hex_id(8)}"
            with temporary.open("wb") as file:
                file.write(msgspec.json.encode(image))
                os.fsync(file.fileno())
            temporary.rename(self._name_file(image.name))

    def _unpack(self, image: ImageDescription, source: LayerSource, *, before_ready: Callable[[], None] = lambda: None) -> None:
        with self.temporary_directory() as temporary:
            root = temporary / ROOT
            root.mkdir()
            root.chmod(0o755)
            tree = ImageTree(root, max_bytes=IMAGE_UNCOMPRESSED_MAX_BYTES)
            for layer, diff_id in image.layers:
                with source.open_layer(layer) as file:
                    stream = LayerStream(file, max_bytes=_LAYER_MAX_BYTES)
                    tree.apply(stream)
                    packed, plain = stream.digests()
                if f"sha256:{packed}" != layer.digest or f"sha256:{plain}" != diff_id:
                    raise ImageInvalid("a layer is damaged: its digest is another")
            tree.finish()
            (temporary / _RECORD).write_bytes(msgspec.json.encode(_Record(digest=image.digest, settings=image.settings)))
            _sync(temporary)
            before_ready()
            try:
                temporary.rename(self._directory / image.digest)
            except OSError:
                if not (self._directory / image.digest).is_dir():  # if it is, another worker has been faster
                    raise

    def _iter_names(self) -> Iterator[LoadedImage]:
        if self._names.is_dir():
            for path in self._names.iterdir():
                yield msgspec.json.decode(path.read_bytes(), type=LoadedImage)

    def _forget(self, name: ImageName) -> bool:
        try:
            self._name_file(name.with_registry).unlink()
        except FileNotFoundError:
            return False
        return True

    def _collect(self, used: Collection[str]) -> int:
        if not self._directory.is_dir():
            return 0
        kept = {*used, *(image.digest for image in self._iter_names())}
        unused = [entry for entry in self._directory.iterdir() if _DIGEST.fullmatch(entry.name) and entry.name not in kept]
        for entry in unused:
            shutil.rmtree(entry, ignore_errors=True)
        return len(unused)

    def _name_file(self, name: str) -> Path:
        return self._names / hashlib.sha256(name.encode()).hexdigest()


def read_settings(directory: Path) -> ImageSettings:
    """What the image in a directory says of how it is run. Blocking. OSError."""
    return msgspec.json.decode((directory / _RECORD).read_bytes(), type=_Record).settings


def remove_leftovers(directory: Path) -> None:
    """What a node that was killed has left half made; only when no other uses the directory."""
    if directory.is_dir():
        for entry in directory.glob(".arriving-*"):
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def _names_of(name: str | None, own: Collection[str]) -> list[ImageName]:
    """A tag alone, as some archives have it, is no name."""
    if name is not None:
        known = local_name(name)
        if known is None or known.digest is not None:
            raise ImageInvalid(f"{name} is not the name of an image: REPOSITORY:TAG")
        return [known]
    names = [known for each in own if ":" in each and (known := local_name(each)) is not None and known.digest is None]
    if not names:
        raise ImageInvalid("the archive does not say what it is called: give it a name with --tag REPOSITORY:TAG")
    return names


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise NoRoomForImage from error
        if error.errno in _NAME_IMPOSSIBLE:
            raise ImageInvalid(f"a name that the file system does not take ({error.strerror})") from error
        raise


def _sync(directory: Path) -> None:
    """All of the file system that a directory lies on: syncfs(2), which elsewhere than on Linux is sync(2)."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "syncfs"):
        os.sync()
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        libc.syncfs(descriptor)
    finally:
        os.close(descriptor)
