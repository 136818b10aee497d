"""A request and its answer past ASGI: what `http_protocol.py` has of it while it is read and answered."""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from alonzo.edge.asgi import Answer
from alonzo.edge.front_doors import QuickWay

_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class _NobodyWaits:
    """In the place of an `asyncio.Event`."""

    def set(self) -> None:
        """There is nobody to wake."""


class Exchange:
    """A request and its answer past ASGI, with those attributes of uvicorn's cycles that the base class looks at.

    It is an `Invoke` (`function_name`), or a front door has a quick way for it (`quick_way`, `method`, `path`).
    """

    __slots__ = (
        "before",
        "body",
        "disconnected",
        "function_name",
        "headers",
        "keep_alive",
        "logger",
        "method",
        "more_body",
        "path",
        "protocol",
        "query_string",
        "quick_way",
        "response_complete",
        "response_started",
        "task",
        "whom",
    )

    message_event = _NobodyWaits()

    def __init__(
        self,
        function_name: str | None,
        headers: list[tuple[bytes, bytes]],
        query_string: bytes,
        *,
        keep_alive: bool,
        before: RequestResponseCycle | None,
    ) -> None:
        self.function_name = function_name
        self.whom: str | bytes | None = function_name
        """See `Turns`."""
        self.headers = headers
        self.query_string = query_string
        self.body = b""
        self.keep_alive = keep_alive
        self.before = before
        self.more_body = True
        self.disconnected = self.response_started = self.response_complete = False
        self.method = "POST"
        self.quick_way: QuickWay
        self.task: asyncio.Task[None]

    def take(self, quick_way: QuickWay, *, method: str, path: bytes, protocol: str) -> None:
        """Be what a front door answers."""
        self.quick_way, self.method, self.path, self.protocol = quick_way, method, path, protocol


def message(answer: Answer, default_headers: list[tuple[bytes, bytes]], *, keep_alive: bool, is_head: bool) -> bytes:
    """An answer as it is sent; `is_head`: to a request that asks for the head alone."""
    lines = b"".join([b"%b: %b\r\n" % header for header in default_headers + answer.headers])
    closing = b"" if keep_alive else b"connection: close\r\n"
    if answer.status in _WITHOUT_BODY:
        return b"%b%b%b\r\n" % (STATUS_LINE[answer.status], lines, closing)
    body = b"" if is_head else answer.body
    return b"%b%b%bcontent-length: %d\r\n\r\n%b" % (STATUS_LINE[answer.status], lines, closing, len(answer.body), body)
