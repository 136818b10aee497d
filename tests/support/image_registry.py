"""A registry of images (OCI's distribution API, what pulling needs of it), in the event loop of a test."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from tests.support.images import Image

_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


class ImageRegistry:
    """Made by `serving`. With a `password` it wants `user` and that, by itself or for a token."""

    def __init__(self, images: dict[str, Image], *, password: str | None, gives_tokens: bool) -> None:
        self.url = ""
        self.requests: list[str] = []
        self.changed: dict[str, bytes] = {}
        """Contents of blobs that are not what their digests say."""
        self._images = images
        self._login = None if password is None else "Basic " + base64.b64encode(f"user:{password}".encode()).decode()
        self._gives_tokens = gives_tokens

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        if request.path == "/token":
            allowed = request.headers.get("Authorization") == self._login
            return web.json_response({"token": "secret"}) if allowed else web.Response(status=401)
        wanted = "Bearer secret" if self._gives_tokens else self._login
        if wanted is not None and request.headers.get("Authorization") != wanted:
            challenge = f'Bearer realm="{self.url}/token",service="test"' if self._gives_tokens else 'Basic realm="test"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return self._find(request.path)

    def _find(self, path: str) -> web.Response:
        head, _, reference = path.rpartition("/")
        for name, image in self._images.items():
            repository, _, tag = name.partition(":")
            if head == f"/v2/{repository}/manifests" and reference in (tag, f"sha256:{image.digest}"):
                return web.Response(body=image.manifest, content_type=_MANIFEST_TYPE)
            if head == f"/v2/{repository}/blobs" and reference in image.blobs():
                return web.Response(body=self.changed.get(reference, image.blobs()[reference]))
        return web.Response(status=404)


@asynccontextmanager
async def serving(images: dict[str, Image], *, password: str | None = None, gives_tokens: bool = False) -> AsyncIterator[ImageRegistry]:
    """A registry on a free port, with images by `repository:tag`."""
    registry = ImageRegistry(images, password=password, gives_tokens=gives_tokens)
    runner = web.ServerRunner(web.Server(registry.answer))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    registry.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield registry
    finally:
        await runner.cleanup()
