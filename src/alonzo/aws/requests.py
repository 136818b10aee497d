"""HTTP requests and responses as the AWS layer sees them: whole messages, bytes as they came, no server behind them."""

from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]
"""Names in lower case, in the order of arrival, as ASGI has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `path` is still percent-encoded (ARNs hold `%2F`), `query_string` comes without its question mark."""

    method: str
    path: str
    query_string: str = ""
    headers: Headers
    body: bytes = b""

    def find_header(self, name: bytes) -> str | None:
        """The first header of that (lower-case) name; bytes beyond ASCII are read as ISO 8859-1, as HTTP has them."""
        return find_header(self.headers, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response; the server adds `Date` and the length."""

    status: int
    headers: Headers
    body: bytes = b""


def find_header(headers: Headers, name: bytes) -> str | None:
    """The first header of that (lower-case) name."""
    for candidate, value in headers:
        if candidate == name:
            return value.decode("latin-1")
    return None
