"""HTTP out for `ServiceProxy`, by aiohttp, in parts: imported with the first request that is passed on."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from alonzo.aws.requests import Headers
from alonzo.edge.request_body import ClientDisconnected

_CONNECT_SECONDS = 5.0
_SILENCE_SECONDS = 600.0
"""The companion's first answer includes its start; some operations take minutes."""

_CONNECTIONS_PER_ENDPOINT = 256
_HEADERS_MAX_BYTES = 65_536


class UpstreamResponse:
    """An answer that has begun."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Headers = list(response.raw_headers)

    async def parts(self) -> AsyncIterator[bytes]:
        """Its body, encoded as it came."""
        async for part in self._response.content.iter_any():
            yield part


class Upstream:
    """To be made where the event loop runs. `certificates`: what `trusted` says."""

    failures = (aiohttp.ClientError, OSError, ValueError, ClientDisconnected)
    """What `exchange` raises, TimeoutError among them, and the reading of its answer."""

    def __init__(self, *, companion_socket: str | None, certificates: ssl.SSLContext | bool) -> None:
        self._elsewhere = _session(aiohttp.TCPConnector(ssl=certificates, limit=0, limit_per_host=_CONNECTIONS_PER_ENDPOINT))
        # A connection each: it costs 50 µs, and none is one that a companion which has ended still had.
        self._companion = (
            None
            if companion_socket is None
            else _session(aiohttp.UnixConnector(path=companion_socket, limit=_CONNECTIONS_PER_ENDPOINT, force_close=True))
        )

    @asynccontextmanager
    async def exchange(
        self, *, method: str, base_url: str | None, target: str, headers: list[tuple[str, str]], body: AsyncIterator[bytes] | None
    ) -> AsyncIterator[UpstreamResponse]:
        """Send a request and have what comes back. `base_url` None: to the companion. `target`: path and query, as they are to be sent."""
        session = self._companion if base_url is None else self._elsewhere
        assert session is not None
        url = URL((base_url or "http://companion").rstrip("/") + target, encoded=True)
        async with session.request(method, url, headers=headers, data=body, allow_redirects=False) as response:
            yield UpstreamResponse(response)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._elsewhere.close()
        if self._companion is not None:
            await self._companion.close()


def _session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"),
        auto_decompress=False,
        max_line_size=_HEADERS_MAX_BYTES,
        max_field_size=_HEADERS_MAX_BYTES,
    )
