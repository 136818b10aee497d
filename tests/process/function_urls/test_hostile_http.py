"""Bytes that are meant to be understood in two ways, or to use up what a server has: refused, or survived."""

import os
import re
import resource
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import pytest
from tests.support.function_urls import public_url
from tests.support.server import Server
from tests.support.waiting import eventually

_COUNTS = """
seen = []

def handler(event, context):
    seen.append([event["rawPath"], event.get("body"), sorted(event["headers"])])
    return seen.copy() if event["rawPath"] == "/seen" else event.get("body") or ""
"""

CHUNKED = b"Transfer-Encoding: chunked\r\n"
REFUSED: dict[str, tuple[bytes, bytes]] = {
    "a length and chunks": (b"Content-Length: 4\r\n" + CHUNKED, b"0\r\n\r\n"),
    "chunks and a length": (CHUNKED + b"Content-Length: 4\r\n", b"0\r\n\r\n"),
    "two lengths": (b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"),
    "two lengths alike": (b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"),
    "a list of lengths": (b"Content-Length: 3, 3\r\n", b"abc"),
    "a length with a sign": (b"Content-Length: +3\r\n", b"abc"),
    "a negative length": (b"Content-Length: -3\r\n", b"abc"),
    "a length beyond numbers": (b"Content-Length: 99999999999999999999999\r\n", b"abc"),
    "a space before the colon": (b"Content-Length : 3\r\n", b"abc"),
    "a coding like chunked": (b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "chunked and not last": (b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "a coding beside chunked": (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "a coding twice": (CHUNKED + CHUNKED, b"0\r\n\r\n"),
    "two codings": (CHUNKED + b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n"),
    "a hidden coding": (b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "identity": (b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n", b"abc"),
    "a folded header": (b"X-A: b\r\n c\r\n", b""),
    "a folded coding": (b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
    "a bare line feed": (b"X-A: b\nX-B: c\r\n", b""),
    "a bare carriage return": (b"X-A: b\rX-B: c\r\n", b""),
    "a zero byte in a value": (b"X-A: b\x00c\r\n", b""),
    "a zero byte in a name": (b"X\x00A: b\r\n", b""),
    "no name": (b": b\r\n", b""),
    "a second host": (b"Host: elsewhere\r\n", b""),
    "a chunk of no number": (CHUNKED, b"zz\r\nabc\r\n0\r\n\r\n"),
    "a chunk with a prefix": (CHUNKED, b"0x3\r\nabc\r\n0\r\n\r\n"),
    "a chunk beyond numbers": (CHUNKED, b"fffffffffffffffff3\r\nabc\r\n0\r\n\r\n"),
    "a chunk longer than it says": (CHUNKED, b"3\r\nabcX\r\n0\r\n\r\n"),
    "chunks with line feeds": (CHUNKED, b"3\nabc\n0\n\n"),
    "an extension with a line feed": (CHUNKED, b"3;a\nabc\r\n0\r\n\r\n"),
    "an endless extension": (CHUNKED, b"3;" + b"a" * 2_000_000),
    "endless trailers": (CHUNKED, b"3\r\nabc\r\n0\r\n" + b"X-T: 1\r\n" * 200_000),
    "a long header": (b"X-A: " + b"a" * 70_000 + b"\r\n", b""),
    "endless headers": (b"X: 1\r\n" * 1_000_000, b""),
}
START_LINES = {
    b"GET /a b HTTP/1.1": 400,
    b"GET /\x01 HTTP/1.1": 400,
    b"GET x HTTP/1.1": 400,
    b"get / HTTP/1.1": 400,
    b"G@T / HTTP/1.1": 400,
    b"GET / HTTP/1.9": 400,
    b"GET / HTTP/2.0": 505,
    b"PRI * HTTP/2.0": 400,
    b"OPTIONS * HTTP/1.1": 400,
    b"CONNECT elsewhere:443 HTTP/1.1": 400,
    b"GET http://elsewhere/ HTTP/1.1": 400,
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1": 431,
}


@pytest.fixture(scope="module")
def url(server: Server) -> str:
    return public_url(server, server.deploy("hostile", _COUNTS))


@contextmanager
def _connection(server: Server) -> Iterator[socket.socket]:
    address = urlsplit(server.endpoint_url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=60) as connection:
        yield connection


def _send(server: Server, data: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    received = bytearray()
    with _connection(server) as connection:
        with suppress(ConnectionError):  # it closes while garbage is still coming in
            connection.sendall(data)
        with suppress(ConnectionError):
            while part := connection.recv(65_536):
                received += part
    return bytes(received)


def _head(url: str, start: bytes = b"POST / HTTP/1.1") -> bytes:
    return start + b"\r\nHost: " + urlsplit(url).netloc.encode() + b"\r\nContent-Type: text/plain\r\n"


def _statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def _seen(server: Server, url: str) -> list[str]:
    answer = _send(server, _head(url, b"GET /seen HTTP/1.1") + b"Connection: close\r\n\r\n")
    return re.findall(r'\["(/[^"]*)"', answer.decode())


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(server: Server, url: str, name: str) -> None:
    headers, body = REFUSED[name]
    smuggled = _head(url, b"GET /smuggled HTTP/1.1") + b"\r\n"
    answer = _send(server, _head(url) + headers + b"\r\n" + body + smuggled)
    assert [status for status in _statuses(answer) if status < 400] == []
    assert len(_statuses(answer)) <= 1
    assert "/smuggled" not in _seen(server, url)


@pytest.mark.parametrize("start", START_LINES, ids=lambda start: start[:24].decode("latin-1"))
def test_requests_that_are_none(server: Server, url: str, start: bytes) -> None:
    assert _statuses(_send(server, _head(url, start) + b"\r\n")) == [START_LINES[start]]


def test_trailers_are_nobodys_headers(server: Server, url: str) -> None:
    body = b"3;name=value\r\nabc\r\n0\r\nHost: elsewhere\r\nCookie: a=b\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"
    answer = _send(
        server,
        _head(url, b"POST /trailers HTTP/1.1")
        + CHUNKED
        + b"\r\n"
        + body
        + _head(url, b"GET /seen HTTP/1.1")
        + b"Connection: close\r\n\r\n",
    )
    assert _statuses(answer) == [200, 200]
    seen = answer.rpartition(b"\r\n\r\n")[2].decode()
    headers = re.findall(r'"/trailers","abc",\[([^]]*)\]', seen)
    assert "cookie" not in headers[0]


def test_a_proxys_form_of_request_is_taken(server: Server, url: str) -> None:
    answer = _send(server, _head(url, f"GET {url}absolute HTTP/1.1".encode()) + b"Connection: close\r\n\r\n")
    assert _statuses(answer) == [200]
    assert "/absolute" in _seen(server, url)


def test_many_headers_of_one_name_cost_little(server: Server, url: str) -> None:
    answer = _send(server, _head(url) + b"a: 1\r\n" * 8_000 + b"Connection: close\r\n\r\n")
    assert _statuses(answer) == [200]


def test_garbage_of_all_kinds(server: Server, url: str) -> None:
    # A server with --tls takes the byte 0x16 for the beginning of a handshake.
    for garbage in (
        b"\x00" * 1_000,
        b"\r\n" * 10 + b"\x01",
        b"\x16\x03\x01\xff\xff" + b"x" * 100,
        b"SSH-2.0-x\r\n",
        b"<xml/>\r\n\r\n",
        b"\xff" * 70_000,
    ):
        assert [status for status in _statuses(_send(server, garbage)) if status != 400] == []
    assert _seen(server, url)


def _memory_bytes(server: Server) -> int:
    with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics", timeout=60) as answer:
        found = re.search(r"^process_resident_memory_bytes (\d+)", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_idle_connections_in_thousands(server: Server, url: str) -> None:
    """10,000 where `ulimit -n` lets it; fewer in CI, whose time is short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2_000 if os.environ.get("CI") else 10_000
    count = min(wanted, hard - 500) if hard != resource.RLIM_INFINITY else wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 400), hard))
    address = urlsplit(server.endpoint_url)
    before = _memory_bytes(server)
    try:
        with ExitStack() as stack:
            for number in range(count):
                connection = stack.enter_context(socket.create_connection((address.hostname or "", address.port or 0), timeout=60))
                if number % 2:
                    connection.sendall(_head(url)[:20])
            assert _seen(server, url), "others are served as ever"
            assert _memory_bytes(server) - before < count * 20_000 + 30_000_000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    eventually(lambda: bool(_seen(server, url)), what="the server goes on")


def test_bodies_that_are_given_up_leave_nothing(server: Server, url: str) -> None:
    """Half of a large body, then silence for ever: the connection is closed by the client, and its memory is free again."""
    half = _head(url) + b"Content-Length: 6000000\r\n\r\n" + b"x" * 3_000_000

    def give_up(times: int) -> None:
        for _ in range(times):
            with _connection(server) as connection:
                connection.sendall(half)
            _memory_bytes(server)  # it has got so far: else they would all be there at once

    give_up(50)
    before = _memory_bytes(server)
    give_up(100)
    assert _seen(server, url)
    assert _memory_bytes(server) - before < 100_000_000, "300 MB have come"
