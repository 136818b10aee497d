"""Registries that images are fetched from: those that the user has named, and no others.

They speak OCI's distribution API (https://github.com/opencontainers/distribution-spec/blob/main/spec.md), with a password in the URL,
a token (https://distribution.github.io/distribution/spec/auth/token/) or nothing. What they answer is not believed before its digest was
computed.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from alonzo.images import manifests
from alonzo.images.errors import ImageAccessDenied, ImageInvalid, RegistryFailed
from alonzo.images.manifests import DOCUMENT_MAX_BYTES, INDEX_TYPES, MANIFEST_TYPES, Descriptor, Digest, ImageDescription
from alonzo.images.names import ImageName
from alonzo.model.quotas import IMAGE_UNCOMPRESSED_MAX_BYTES

if TYPE_CHECKING:
    import aiohttp

_ACCEPTED = ", ".join(sorted(INDEX_TYPES | MANIFEST_TYPES))
_CONNECT_SECONDS, _SILENCE_SECONDS = 10.0, 60.0
_CHUNK_BYTES = 256 * 1024
_NOT_FOUND, _REFUSED = 404, frozenset({401, 403})
_OK = 200
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class RegistryAddress:
    """Where the images are whose names begin with a host. `host` may have `*` in it; `url` perhaps has a user and a password."""

    host: str
    url: str


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """An image whose layers lie in files, named by their digests. A `LayerSource`."""

    description: ImageDescription
    directory: Path

    @contextmanager
    def open_layer(self, layer: Descriptor) -> Iterator[IO[bytes]]:
        """The bytes of a layer, to be compared with its digest."""
        with (self.directory / layer.digest.partition(":")[2]).open("rb") as file:
            yield file


class Registries:
    """Asks each time: nothing of it is kept."""

    def __init__(self, addresses: Sequence[RegistryAddress]) -> None:
        self._addresses = tuple(addresses)

    async def find_digest(self, name: ImageName) -> str | None:
        """The digest of the image for this machine; None where no registry has one.

        `ImageAccessDenied`, `ImageInvalid`, `RegistryFailed`.
        """
        async with self._open(name) as repository:
            found = None if repository is None else await repository.find_manifest(_reference_of(name))
        return None if found is None else found[0].partition(":")[2]

    async def fetch(self, name: ImageName, digest: str, directory: Path) -> FetchedImage | None:
        """An image by its digest, its layers into files; None where no registry has it. Errors: as above, OSError."""
        async with self._open(name) as repository:
            found = None if repository is None else await repository.find_manifest(f"sha256:{digest}")
            if repository is None or found is None:
                return None
            manifest = found[1]
            config_digest = manifests.config_of(manifest).digest
            config = await repository.read_blob(config_digest)
            description = manifests.describe(manifest, config, digest=digest)
            left_bytes = IMAGE_UNCOMPRESSED_MAX_BYTES
            for layer in {layer.digest for layer, _ in description.layers}:
                left_bytes -= await repository.save_blob(layer, directory / layer.partition(":")[2], max_bytes=left_bytes)
        return FetchedImage(description, directory)

    @asynccontextmanager
    async def _open(self, name: ImageName) -> "AsyncIterator[_Repository | None]":
        address = next((each for each in self._addresses if fnmatchcase(name.registry, each.host)), None)
        if address is None or not name.registry:
            yield None
            return
        import aiohttp  # noqa: PLC0415 - most nodes fetch no images
        from yarl import URL  # noqa: PLC0415

        url = URL(address.url)
        login = None if url.user is None else aiohttp.encode_basic_auth(url.user, url.password or "", encoding="utf-8")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
                yield _Repository(session, url.with_user(None), name.repository, login)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RegistryFailed(f"the registry {address.host} at {url.with_user(None)} does not answer: {error}") from error


class _Repository:
    """One repository of a registry. Raises aiohttp's errors, too."""

    def __init__(self, session: "aiohttp.ClientSession", url: object, repository: str, login: str | None) -> None:
        self._session = session
        self._base = f"{str(url).rstrip('/')}/v2/{repository}"
        self._repository = repository
        self._login = login
        self._authorization = login

    async def find_manifest(self, reference: str, *, is_nested: bool = False) -> tuple[Digest, bytes] | None:
        """The manifest of the image for this machine, with its digest."""
        async with self._get(f"manifests/{reference}", accept=_ACCEPTED) as response:
            if response is None:
                return None
            content, kind = await _read(response, DOCUMENT_MAX_BYTES), response.content_type
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if reference.startswith("sha256:") and digest != reference:
            raise ImageInvalid(f"{reference} is damaged")
        if kind in INDEX_TYPES and not is_nested:
            fitting = manifests.fitting_manifests(manifests.read_index(content))
            if len(fitting) != 1:
                raise ImageInvalid(f"it has {len(fitting)} images for this machine")
            return await self.find_manifest(fitting[0].digest, is_nested=True)
        if kind not in MANIFEST_TYPES:
            raise ImageInvalid(f"The image manifest, config or layer media type for the source image {reference} is not supported.")
        return digest, content

    async def read_blob(self, digest: Digest) -> bytes:
        """A small one. `ImageInvalid`."""
        async with self._get(f"blobs/{digest}") as response:
            if response is None:
                raise ImageInvalid(f"the registry does not have {digest}")
            content = await _read(response, DOCUMENT_MAX_BYTES)
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise ImageInvalid(f"{digest} is damaged")
        return content

    async def save_blob(self, digest: Digest, path: Path, *, max_bytes: int) -> int:
        """Into a file; how many bytes it has. `ImageInvalid`, OSError."""
        received_bytes = 0
        async with self._get(f"blobs/{digest}") as response:
            if response is None:
                raise ImageInvalid(f"the registry does not have {digest}")
            with path.open("wb") as file:
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    received_bytes += len(chunk)
                    if received_bytes > max_bytes:
                        raise ImageInvalid("it is larger than 10 GB")
                    await asyncio.to_thread(file.write, chunk)
        return received_bytes

    @asynccontextmanager
    async def _get(self, path: str, *, accept: str = "*/*") -> "AsyncIterator[aiohttp.ClientResponse | None]":
        """None: there is none. The first refusal says how to be let in."""
        url = f"{self._base}/{path}"
        for _ in range(2):
            headers = {"Accept": accept} | ({} if self._authorization is None else {"Authorization": self._authorization})
            async with self._session.get(url, headers=headers) as response:
                if response.status in _REFUSED and await self._authorize(response):
                    continue
                if response.status in _REFUSED:
                    raise ImageAccessDenied
                if response.status not in (_OK, _NOT_FOUND):
                    raise RegistryFailed(f"the registry answers {response.status} to {url}")
                yield response if response.status == _OK else None
                return
        raise ImageAccessDenied

    async def _authorize(self, refusal: "aiohttp.ClientResponse") -> bool:
        """Whether there is a token to try with now."""
        scheme, _, parameters = refusal.headers.get("WWW-Authenticate", "").partition(" ")
        challenge = dict(_CHALLENGE.findall(parameters))
        if scheme.lower() != "bearer" or "realm" not in challenge:
            return False
        query = {name: challenge[name] for name in ("service", "scope") if name in challenge}
        query.setdefault("scope", f"repository:{self._repository}:pull")
        headers = {} if self._login is None else {"Authorization": self._login}
        async with self._session.get(challenge["realm"], params=query, headers=headers) as response:
            if response.status != _OK:
                return False
            content = await _read(response, DOCUMENT_MAX_BYTES)
        try:
            answer = msgspec.json.decode(content, type=_Token)
        except msgspec.DecodeError:
            return False
        before, self._authorization = self._authorization, f"Bearer {answer.token or answer.access_token}"
        return self._authorization != before


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""


def _reference_of(name: ImageName) -> str:
    return f"sha256:{name.digest}" if name.digest else name.tag or "latest"


async def _read(response: "aiohttp.ClientResponse", max_bytes: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        content += chunk
        if len(content) > max_bytes:
            raise ImageInvalid("a document is too large")
    return bytes(content)
