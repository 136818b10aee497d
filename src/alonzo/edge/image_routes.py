"""The container images of this server, for `alonzo image`: Alonzo's own, beside AWS's API.

GET    /_alonzo/images                 {"images": [{"name", "digest"}, …]}
POST   /_alonzo/images?name=NAME       an archive as the body; {"images": [{"name", "digest"}, …]} with the names that lead to it now
DELETE /_alonzo/images/NAME            {"removed": how many images have gone from the disk}
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

from alonzo.aws.api_error import ApiError
from alonzo.edge.asgi import AsgiScope, Receive, Send
from alonzo.edge.own_endpoint import OwnEndpoint
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, discard_body
from alonzo.errors import AlonzoError
from alonzo.images.store import ImageStore, LoadedImage
from alonzo.model.quotas import IMAGE_UNCOMPRESSED_MAX_BYTES

IMAGES_PATH = b"/_alonzo/images"
_ARCHIVE_MAX_BYTES = IMAGE_UNCOMPRESSED_MAX_BYTES + (1 << 30)
_WRITTEN_BYTES = 1 << 20
_AT_ONCE = 2
"""Archives that are taken in at a time: each takes disk and a processor."""


class ImageEndpoint:
    """An `Endpoint` for all paths below `IMAGES_PATH`. `collect` removes the images that nobody has any more."""

    def __init__(
        self, *, images: ImageStore, collect: Callable[[], Awaitable[int]], translate_error: Callable[[AlonzoError], ApiError]
    ) -> None:
        self._images = images
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._collect = collect
        self._endpoint = OwnEndpoint(self._answer, translate_error=translate_error)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """As the module says."""
        await self._endpoint(scope, receive, send)

    async def _answer(self, request: AsgiScope, receive: Receive) -> tuple[int, Any]:
        path, method = request["raw_path"], request["method"]
        name = unquote_to_bytes(path.removeprefix(IMAGES_PATH).removeprefix(b"/")).decode("utf-8", "replace")
        match method, bool(name):
            case "GET", False:
                return 200, {"images": await self._images.list_images()}
            case "POST", False:
                return await self._load(request, receive)
            case "DELETE", True:
                await self._images.forget(name)
                return 200, {"removed": await self._collect()}
        return 405, {"message": f"{method} is not possible here"}

    async def _load(self, request: AsgiScope, receive: Receive) -> tuple[int, Any]:
        given = parse_qs(request["query_string"].decode("ascii", "replace")).get("name", [None])[0]
        async with self._turns:
            return 200, {"images": await self._take_in(receive, given)}

    async def _take_in(self, receive: Receive, name: str | None) -> list[LoadedImage]:
        with self._images.temporary_file() as archive:
            await _save_body(receive, archive, limit_bytes=_ARCHIVE_MAX_BYTES)
            return await self._images.load(archive, name)


async def _save_body(receive: Receive, path: Path, *, limit_bytes: int) -> None:
    """`BodyTooLarge`, `ClientDisconnected`, OSError."""
    waiting, saved_bytes, more = bytearray(), 0, True
    with path.open("wb") as file:
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnected
            waiting += message["body"]
            more = message["more_body"]
            if saved_bytes + len(waiting) > limit_bytes:
                if more:
                    await discard_body(receive)
                raise BodyTooLarge(limit_bytes=limit_bytes)
            if len(waiting) >= _WRITTEN_BYTES or not more:
                await asyncio.to_thread(file.write, bytes(waiting))
                saved_bytes += len(waiting)
                waiting.clear()
