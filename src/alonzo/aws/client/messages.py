"""A call on the wire."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Signed: nothing of it may be changed."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
