"""HTTP out, by aiohttp: nothing is followed, nothing is read without a limit."""

import io
import ssl

import aiohttp
from yarl import URL

from alonzo.aws.client.errors import AwsAnswerTooLarge, AwsUnreachable
from alonzo.aws.client.messages import HttpRequest, HttpResponse

_CONNECT_SECONDS = 5.0
_TOTAL_SECONDS = 30.0
_CONNECTIONS_PER_ENDPOINT = 32
"""A service that does not answer holds up this many calls, and no other service's."""


class Transport:
    """Connections are kept between calls. To be made where the event loop runs. `certificates`: what `trusted` says."""

    def __init__(self, *, companion_socket: str | None = None, certificates: ssl.SSLContext | bool = True) -> None:
        self._session = _session(aiohttp.TCPConnector(ssl=certificates, limit=0, limit_per_host=_CONNECTIONS_PER_ENDPOINT))
        self._long_polls = _session(aiohttp.TCPConnector(ssl=certificates, limit=0))
        self._companion = self._companion_long_polls = None
        if companion_socket is not None:  # a connection each: none is one that a companion which has ended still had
            self._companion = _session(aiohttp.UnixConnector(companion_socket, limit=_CONNECTIONS_PER_ENDPOINT, force_close=True))
            self._companion_long_polls = _session(aiohttp.UnixConnector(companion_socket, limit=0, force_close=True))

    async def send(self, request: HttpRequest, *, to_companion: bool, answer_max_bytes: int, is_long_poll: bool = False) -> HttpResponse:
        """The answer, whatever it says. Long polls have connections of their own. Raises AwsUnreachable, AwsAnswerTooLarge."""
        if is_long_poll:
            session = self._companion_long_polls if to_companion else self._long_polls
        else:
            session = self._companion if to_companion else self._session
        if session is None:
            raise AwsUnreachable("there is no companion")
        try:
            async with session.request(
                request.method,
                URL(request.url, encoded=True),  # as it was signed
                headers=request.headers,
                data=io.BytesIO(request.body),  # in parts: large bodies do not hold up the event loop
                allow_redirects=False,
            ) as response:
                body = await _read(response, answer_max_bytes)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(status=response.status, headers=headers, body=body)
        except TimeoutError as error:
            raise AwsUnreachable(f"{_origin(request)} did not answer in time") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise AwsUnreachable(f"{_origin(request)}: {error or type(error).__name__}") from error

    async def aclose(self) -> None:
        """Close all connections."""
        for session in (self._session, self._long_polls, self._companion, self._companion_long_polls):
            if session is not None:
                await session.close()


def _session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=_TOTAL_SECONDS, sock_connect=_CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"),
        auto_decompress=True,
    )


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > max_bytes:
            raise AwsAnswerTooLarge(max_bytes)
    return bytes(body)


def _origin(request: HttpRequest) -> str:
    return str(URL(request.url, encoded=True).origin())
