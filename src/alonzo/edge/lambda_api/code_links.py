"""Links under which a function's package can be fetched without credentials, for ten minutes (`Code.Location` of GetFunction).

    http://127.0.0.1:4566/_alonzo/code/<SHA-256>.zip?Expires=<Unix seconds>&Signature=<HMAC>

AWS gives a presigned S3 URL that is valid for ten minutes; source: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html
"""

import hashlib
import hmac
import re

from alonzo.clock import Clock
from alonzo.edge.asgi import AsgiScope, Receive, Send, send_response
from alonzo.store.blobs import BlobStore
from alonzo.store.errors import BlobNotFound, StoreError

CODE_PATH_PREFIX = b"/_alonzo/code/"
VALID_SECONDS = 600

_NAME = re.compile(rb"([0-9a-f]{64})\.zip")
_QUERY = re.compile(rb"Expires=(\d{1,12})&Signature=([0-9a-f]{64})")
_TEXT_HEADER = (b"content-type", b"text/plain; charset=utf-8")


class CodeLinks:
    """Signs links and recognises them. `key`: secret, the same on every node that clients may ask."""

    def __init__(self, *, key: bytes, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    def link(self, base_url: str, sha256: str) -> str:
        """A link to a package, valid from now on for `VALID_SECONDS`."""
        expires = self._clock.unix_ms() // 1000 + VALID_SECONDS
        return f"{base_url}{CODE_PATH_PREFIX.decode()}{sha256}.zip?Expires={expires}&Signature={self._signature(sha256, expires)}"

    def find_package(self, path: bytes, query_string: bytes) -> str | None:
        """The SHA-256 of the package that a link leads to; None for a link that is forged or too old."""
        name = _NAME.fullmatch(path.removeprefix(CODE_PATH_PREFIX))
        query = _QUERY.fullmatch(query_string)
        if name is None or query is None:
            return None
        sha256, expires = name[1].decode(), int(query[1])
        genuine = hmac.compare_digest(self._signature(sha256, expires), query[2].decode())
        return sha256 if genuine and self._clock.unix_ms() <= expires * 1000 else None

    def _signature(self, sha256: str, expires: int) -> str:
        return hmac.digest(self._key, f"{sha256}\n{expires}".encode(), hashlib.sha256).hex()


class CodeDownloads:
    """The endpoint behind the links: an ASGI application for paths that begin with `CODE_PATH_PREFIX`."""

    def __init__(self, *, links: CodeLinks, blobs: BlobStore) -> None:
        self._links = links
        self._blobs = blobs

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await send_response(send, 405, [_TEXT_HEADER, (b"allow", b"GET, HEAD")], b"Method not allowed\n")
            return
        sha256 = self._links.find_package(scope["raw_path"], scope["query_string"])
        if sha256 is None:
            await send_response(send, 403, [_TEXT_HEADER], b"The link is not valid (any more). GetFunction gives a new one.\n")
            return
        try:
            content = await self._blobs.get(sha256)
        except BlobNotFound:
            await send_response(send, 404, [_TEXT_HEADER], b"There is no such package.\n")
            return
        except StoreError:
            await send_response(send, 503, [_TEXT_HEADER], b"The package cannot be read at the moment.\n")
            return
        await send_response(send, 200, [(b"content-type", b"application/zip")], content)
