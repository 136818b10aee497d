"""HTTP out, by aiohttp: nothing is followed, nothing is read without a limit."""

import io

import aiohttp
from yarl import URL

from alonzo.aws.client.errors import AwsUnreachable
from alonzo.aws.client.messages import HttpRequest, HttpResponse

_CONNECT_SECONDS = 5.0
_TOTAL_SECONDS = 30.0
_CONNECTIONS_PER_ENDPOINT = 32
"""A service that does not answer holds up this many calls, and no other service's."""

_RESPONSE_MAX_BYTES = 16 << 20


class Transport:
    """Connections are kept between calls. To be made where the event loop runs."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=_CONNECTIONS_PER_ENDPOINT),
            timeout=aiohttp.ClientTimeout(total=_TOTAL_SECONDS, sock_connect=_CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"),
            auto_decompress=True,
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The answer, whatever it says. Raises AwsUnreachable."""
        try:
            async with self._session.request(
                request.method,
                URL(request.url, encoded=True),  # as it was signed
                headers=request.headers,
                data=io.BytesIO(request.body),  # in parts: large bodies do not hold up the event loop
                allow_redirects=False,
            ) as response:
                body = await _read(response)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(status=response.status, headers=headers, body=body)
        except TimeoutError as error:
            raise AwsUnreachable(f"{_origin(request)} did not answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise AwsUnreachable(f"{_origin(request)}: {error or type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > _RESPONSE_MAX_BYTES:
            raise ValueError("an answer of more than 16 MiB")
    return bytes(body)


def _origin(request: HttpRequest) -> str:
    return str(URL(request.url, encoded=True).origin())
