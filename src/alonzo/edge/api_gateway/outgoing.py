"""HTTP out for APIs: integrations with HTTP endpoints, and the keys of those who issue tokens.

aiohttp is imported with the first request.
"""

import asyncio
import importlib
import json
from typing import Any

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.client.errors import AwsCallFailed
from alonzo.errors import AlonzoError

ANSWER_MAX_BYTES = 10 << 20
"""API Gateway's quota for payloads."""

_CONNECT_SECONDS = 5.0
_PAGE_SECONDS = 10.0
_OK = 200


class OutgoingFailed(AlonzoError):
    """No answer, or too large a one. `is_late`: not within the time there was."""

    def __init__(self, message: str, *, is_late: bool = False) -> None:
        super().__init__(message)
        self.is_late = is_late


class Outgoing:
    """Resource handling: `aclose` closes the connections."""

    def __init__(self, *, services: AwsClients) -> None:
        self._services = services
        self._opening = asyncio.Lock()
        self._session: Any = None

    async def send(
        self, method: str, url: str, *, headers: list[tuple[str, str]], body: bytes, timeout_seconds: float
    ) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers (names in lower case) and body. `OutgoingFailed`."""
        session = self._session or await self._open()
        aiohttp: Any = importlib.import_module("aiohttp")
        timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=_CONNECT_SECONDS)
        try:
            async with session.request(method, url, headers=headers, data=body or None, timeout=timeout, allow_redirects=False) as response:
                content = bytearray()
                async for part in response.content.iter_any():
                    content += part
                    if len(content) > ANSWER_MAX_BYTES:
                        raise OutgoingFailed(f"{url} answers with more than {ANSWER_MAX_BYTES} bytes")
                return response.status, [(name.lower(), value) for name, value in response.raw_headers], bytes(content)
        except TimeoutError as error:
            raise OutgoingFailed(f"{url} did not answer in time", is_late=True) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise OutgoingFailed(f"{url}: {error or type(error).__name__}") from error

    async def get_json(self, url: str) -> Any:
        """A document. Those of Cognito's user pools come from wherever Cognito is here. `OutgoingFailed`."""
        page = await self._find_page_of_cognito(url)
        if page is None:
            status, _, page = await self.send("GET", url, headers=[("accept", "application/json")], body=b"", timeout_seconds=_PAGE_SECONDS)
            if status != _OK:
                raise OutgoingFailed(f"{url} answers {status}")
        try:
            return json.loads(page)
        except ValueError as error:
            raise OutgoingFailed(f"{url} answers with something else than JSON") from error

    async def aclose(self) -> None:
        """There are no requests after it."""
        async with self._opening:
            if self._session is not None:
                await self._session.close()
                self._session = None

    async def _find_page_of_cognito(self, url: str) -> bytes | None:
        if not url.startswith("https://cognito-idp."):
            return None
        try:
            return await self._services.find_page("cognito-idp", url)
        except AwsCallFailed as error:
            raise OutgoingFailed(str(error)) from error

    async def _open(self) -> Any:
        async with self._opening:
            if self._session is None:
                aiohttp: Any = await asyncio.to_thread(importlib.import_module, "aiohttp")
                self._session = aiohttp.ClientSession(
                    cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=("User-Agent", "Accept"), auto_decompress=False
                )
            return self._session
