"""Responses of custom resources, on their way from the node, which takes them (`edge/response_door.py`), to whom waits for them.

A response belongs to a request and proves it by a token, which nobody has but the function that was asked.
"""

import hmac
import json
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from alonzo.companion.requests import Application, Environ

_PREFIX = "/_alonzo/responses/"
_TOKEN_BYTES = 24
_ANSWERED_REMEMBERED = 1_000
_BODY_MAX_BYTES = 65_536


class ExpectedResponse:
    """`token`: to be said with it."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._has_come = threading.Event()
        self._content: str | None = None

    def wait(self, seconds: float) -> bool:
        """Until it is there; False if that takes longer."""
        return self._has_come.wait(seconds)

    @property
    def content(self) -> str | None:
        """Once it has come; None: it was too long."""
        return self._content

    def put(self, content: str | None) -> None:
        """The first one counts, as far as anybody looks."""
        if not self._has_come.is_set():
            self._content = content
            self._has_come.set()


class Responses:
    """For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: dict[str, ExpectedResponse] = {}
        self._answered: dict[str, ExpectedResponse] = {}
        """Functions that answer twice, or are invoked again after they have answered, hear no complaint, as on AWS."""

    @contextmanager
    def expect(self, request_id: str) -> Iterator[ExpectedResponse]:
        """Wait for one within."""
        expected = ExpectedResponse()
        with self._lock:
            self._expected[request_id] = expected
        try:
            yield expected
        finally:
            with self._lock:
                self._answered[request_id] = self._expected.pop(request_id)
                if len(self._answered) > _ANSWERED_REMEMBERED:
                    del self._answered[next(iter(self._answered))]

    def put(self, request_id: str, token: str, content: str | None) -> bool:
        """Whether there was such a request, with this token."""
        with self._lock:
            expected = self._expected.get(request_id) or self._answered.get(request_id)
        if expected is None or not hmac.compare_digest(token.encode(), expected.token.encode()):
            return False
        expected.put(content)
        return True


class TakenResponses:
    """WSGI middleware: takes them from the node."""

    def __init__(self, application: Application, responses: Responses) -> None:
        self._application = application
        self._responses = responses

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(_PREFIX):
            return self._application(environ, start_response)
        said = json.loads(environ["wsgi.input"].read(_BODY_MAX_BYTES))
        is_expected = self._responses.put(path.removeprefix(_PREFIX), said["token"], said["response"])
        start_response("200 OK" if is_expected else "404 Not Found", [("Content-Length", "0")])
        return [b""]
