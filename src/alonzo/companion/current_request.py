"""What is known of the request that a thread is answering: services that tell of it (S3's events) need more than moto hands them.

What is to happen because of a request happens when it has been answered as far as moto is concerned: a function that gets S3's event finds
the object with its metadata and tags, which moto adds after it has said that there is an object.
"""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRequest:
    """`client_address` and `access_key_id` are None where nobody has told; `trace_header` is X-Ray's."""

    client_address: str | None
    access_key_id: str | None
    trace_header: str | None
    query: str
    request_id: str
    host_id: str
    is_of_node: bool
    """Not a client's, which the node passes on with what it knows of the client."""
    afterwards: list[Callable[[], None]] = field(default_factory=list)

    def asks_for(self, name: str) -> bool:
        """Whether the query has a parameter of that name, as S3 names its sub-resources (`?tagging`)."""
        return any(part.partition("=")[0] == name for part in self.query.split("&"))


_current: ContextVar[CurrentRequest | None] = ContextVar("current_request", default=None)


def current_request() -> CurrentRequest | None:
    """None in threads that work for no request, or for one that has been answered."""
    return _current.get()


def afterwards(work: Callable[[], None]) -> None:
    """Do that when the request is through; at once if there is none. It must not raise."""
    request = _current.get()
    if request is None:
        work()
    else:
        request.afterwards.append(work)


@contextmanager
def answering(
    *, client_address: str | None, access_key_id: str | None, trace_header: str | None, query: str, is_of_node: bool
) -> Iterator[CurrentRequest]:
    """For as long as the thread answers a request. At the end it does what is to be done afterwards."""
    request = CurrentRequest(
        client_address=client_address,
        access_key_id=access_key_id,
        trace_header=trace_header,
        query=query,
        request_id=secrets.token_hex(8).upper(),
        host_id=secrets.token_urlsafe(57),
        is_of_node=is_of_node,
    )
    token = _current.set(request)
    try:
        yield request
        for work in request.afterwards:  # may grow meanwhile
            try:
                work()
            except Exception:  # one of several things that a request has led to ends here
                _log.exception("what a request has led to failed")
    finally:
        _current.reset(token)
