"""Functions' own addresses: requests that are told by their host name, or by a path of ours where names cannot be resolved.

    ID.lambda-url.us-east-1.localhost:4566/path      any suffix: .localhost, .localhost.localstack.cloud, a domain of one's own
    127.0.0.1:4566/_url/ID/path

A door is an ASGI endpoint. For requests that it can answer with a whole message it may offer a quicker way, past ASGI
(`http_protocol.py`): they are then as fast as `Invoke`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from alonzo.aws.requests import Headers
from alonzo.edge.asgi import Answer, AsgiScope, Receive, Send
from alonzo.edge.http_events.request import HttpRequest

QuickWay = Callable[[HttpRequest], Awaitable[Answer]]
"""Answers a request, whatever goes wrong."""


class FrontDoor(Protocol):
    """Answers the requests of one kind of address (function URLs, APIs, load balancers)."""

    takes_web_sockets: bool
    """Whether scopes of the type `websocket` come to it, too."""

    def find_quick_way(self, host: bytes, path: bytes) -> QuickWay | None:
        """For a request to be answered with a whole message whose body is small; None: it is to come through ASGI."""
        ...

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None: ...


class FrontDoors:
    """`by_label`: a label of the host names (`lambda-url`), in lower case; `by_path`: a prefix of the path (`/_url/`)."""

    def __init__(
        self,
        *,
        by_label: Mapping[bytes, FrontDoor],
        by_path: Mapping[bytes, FrontDoor],
    ) -> None:
        self._by_label = by_label
        self._by_path = tuple(by_path.items())
        self._prefixes = tuple(by_path)
        labels = b"|".join(re.escape(label) for label in by_label) or rb"(?!)"
        self._label = re.compile(rb"\.(" + labels + rb")\.", re.IGNORECASE)

    def find(self, host: bytes, path: bytes) -> FrontDoor | None:
        """The door that a request is for; None: it is for the AWS API."""
        return self.find_by_host(host) or self.find_by_path(path)

    def find_by_host(self, host: bytes) -> FrontDoor | None:
        """The door that a host name leads to, whatever the path is: the same one as long as the server runs."""
        match = self._label.search(host)
        return None if match is None else self._by_label[match[1].lower()]

    def find_by_path(self, path: bytes) -> FrontDoor | None:
        """The door that a path leads to where the host name leads to none."""
        if path.startswith(self._prefixes):
            return next(door for prefix, door in self._by_path if path.startswith(prefix))
        return None


def host_of(headers: Headers) -> bytes:
    """The `Host` header; empty without one."""
    for name, value in headers:
        if name == b"host":
            return value
    return b""
