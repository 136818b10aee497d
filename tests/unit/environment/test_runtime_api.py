"""What a runtime client of ours sends between two events is understood without the parser, and as the parser understands it."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo.environment.connection_owner import AnyConnection
from alonzo.environment.runtime_api import OtherRequest, RuntimeApiConnection, accepted

HOST = b" HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n"
NEXT = b"GET /2018-06-01/runtime/invocation/next" + HOST + b"\r\n"
REQUEST_ID = b"8476a536-e9f4-11e8-9739-2dfe598c3fcd"


class Events:
    """Notes what it is told. `counts_bodies`: as of an environment that runs several at once, whose connections are always parsed."""

    def __init__(self, *, counts_bodies: bool) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.counts_bodies = counts_bodies
        self.waits = False

    def on_next(self, connection: RuntimeApiConnection) -> None:
        del connection
        self.told.append(("next",))
        self.waits = True

    def on_response(self, request_id: bytes, body: bytes, content_length: int) -> bytes:
        self.told.append(("response", request_id, body, content_length))
        self.waits = False
        return accepted()

    def on_error(self, request_id: bytes, body: bytes, error_type: str | None) -> bytes:
        self.told.append(("error", request_id, body, error_type))
        return accepted()

    def on_stream_part(self, connection: RuntimeApiConnection, request_id: bytes, part: bytes, byte_count: int) -> bool:
        del connection, request_id, part, byte_count
        return False

    def on_stream_end(self, request_id: bytes, byte_count: int) -> bytes:
        raise NotImplementedError

    def takes_stream(self, request_id: bytes) -> bool:
        del request_id
        return False

    def on_init_error(self, body: bytes, error_type: str | None) -> bytes:
        raise NotImplementedError

    def on_restore_next(self, connection: RuntimeApiConnection) -> None:
        raise NotImplementedError

    def on_restore_error(self, error_type: str | None) -> bytes:
        raise NotImplementedError

    def on_credentials(self, authorization: bytes) -> bytes:
        raise NotImplementedError

    def on_other_request(self, connection: RuntimeApiConnection, request: OtherRequest) -> bytes | None:
        del connection
        self.told.append(("other", request.url))
        return accepted()

    def is_waiting(self, connection: RuntimeApiConnection) -> bool:
        del connection
        return self.waits

    def on_body_bytes(self, byte_count: int) -> bool:
        del byte_count
        return True

    def on_stranger(self) -> None: ...

    def on_connection_opened(self, connection: RuntimeApiConnection) -> None: ...

    def on_connection_closed(self, connection: RuntimeApiConnection) -> None: ...


class Transport:
    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False

    def get_extra_info(self, name: str) -> tuple[str, int]:
        del name
        return "127.0.0.1", 1

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True


def outcome(parts: list[bytes], *, always_parsed: bool = False) -> tuple[list[tuple[Any, ...]], bytes, bool]:
    events, transport = Events(counts_bodies=always_parsed), Transport()
    connection = RuntimeApiConnection(events, AnyConnection())
    connection.connection_made(transport)  # type: ignore[arg-type]  # as much of one as is used
    for part in parts:
        if not transport.is_closed:
            connection.data_received(part)
    return events.told, transport.written, transport.is_closed


def a_turn(body: bytes, *, request_id: bytes = REQUEST_ID) -> bytes:
    path = b"POST /2018-06-01/runtime/invocation/" + request_id + b"/response"
    return path + HOST + b"Content-Length: %d\r\n\r\n%b" % (len(body), body) + NEXT


def test_a_response_and_the_request_for_the_next_event() -> None:
    told, written, is_closed = outcome([NEXT, a_turn(b'{"a": 1}')])
    assert told == [("next",), ("response", REQUEST_ID, b'{"a": 1}', 8), ("next",)]
    assert written == b""  # sent with the next event
    assert not is_closed


@given(bodies=st.lists(st.binary(max_size=80) | st.just(NEXT), min_size=1, max_size=3), cuts=st.sets(st.integers(1, 900)))
@settings(deadline=None)
def test_it_does_not_matter_in_which_pieces_it_comes(bodies: list[bytes], cuts: set[int]) -> None:
    turns = [NEXT, *(a_turn(body) for body in bodies)]
    whole = b"".join(turns)
    places = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(places)]
    assert outcome(turns)[0] == outcome(pieces)[0] == outcome([whole], always_parsed=True)[0]


@pytest.mark.parametrize(
    "data",
    [
        a_turn(b"{}") + b"\r\n",
        a_turn(b"{}") + NEXT,
        a_turn(b"{}")[: -len(NEXT)],
        a_turn(b"{}").replace(b"Length: 2", b"Length: 1"),
        a_turn(b"{}").replace(b"Length: 2", b"Length: 3"),
        a_turn(b"{}").replace(b"Length: 2", b"Length: 9999999999999999999999"),
        a_turn(b"{}").replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length"),
        a_turn(b"{}").replace(b"Content-Length", b"Lambda-Runtime-Function-Error-Type: X\r\nContent-Length"),
        a_turn(b"{}").replace(b"/response", b"/error"),
        a_turn(b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"),
        a_turn(b"{}", request_id=b"x"),
        a_turn(b"{}").replace(b"GET", b"GOT"),
    ],
)
def test_whatever_looks_otherwise_is_parsed(data: bytes) -> None:
    assert outcome([NEXT, data, a_turn(b"1")]) == outcome([NEXT, data, a_turn(b"1")], always_parsed=True)
