"""Functions that abuse their own Runtime API."""

import http.client
import os
import signal
import socket
from typing import Any

from attempts import name_of

_PREFIX = "/2018-06-01/runtime/"


def answer_wrongly(_event: Any, context: Any) -> list[Any]:
    """Requests that are valid HTTP and wrong; then a right answer, through the runtime."""
    return [
        _request("POST", "invocation/00000000-0000-0000-0000-000000000000/response", b"{}"),
        _request("POST", "invocation/../../response", b"{}"),
        _request("POST", "invocation//response", b"{}"),
        _request("POST", f"invocation/{context.aws_request_id}/surprise", b"{}"),
        _request("POST", "init/error", b"{}"),
        _request("GET", "no/such/path", None),
        _request("GET", "invocation/next", None),
        _request("GET", "invocation/next", None),
    ]


def send_garbage(_event: Any, _context: Any) -> str:
    for garbage in (
        b"\0" * 100_000,
        os.urandom(100_000),
        b"GET",
        b"POST / HTTP/9.9\r\n\r\n",
        b"\r\n" * 1_000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ):
        with _connection() as client:
            client.sendall(garbage)
            client.shutdown(socket.SHUT_WR)
            _read_all(client)
    return "sent"


def answer_twice(event: str, context: Any) -> str:
    """Answers by itself, then through the runtime, which is told off for it."""
    _request("POST", f"invocation/{context.aws_request_id}/response", f'"{event}"'.encode())
    return "a second answer"


def answer_without_json(_event: Any, context: Any) -> None:
    _request("POST", f"invocation/{context.aws_request_id}/response", b"\xff\xfe no json at all")


def answer_too_much(event: int, _context: Any) -> str:
    return "x" * event


def hold_connections(event: int, _context: Any) -> int:
    """Slow requests that never end, on as many connections as there are to have, from several processes; returns how many were open."""
    reports, report = os.pipe()
    for _ in range(event):
        if os.fork() == 0:
            held = _open_slow_connections()
            os.write(report, b"%6d" % len(held))
            signal.pause()
    return sum(int(os.read(reports, 6)) for _ in range(event))


def send_endless_header(event: int, _context: Any) -> dict[str, Any]:
    """`event` MiB of one header."""
    return _send_much(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nX-Endless: ", b"x" * (1 << 20), event)


def send_endless_trailer(event: int, _context: Any) -> dict[str, Any]:
    """`event` MiB of one header after the body."""
    head = b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Endless: "
    return _send_much(head, b"x" * (1 << 20), event)


def send_without_reading(event: int, _context: Any) -> dict[str, Any]:
    """Pipelined requests whose answers are never read: `event` MiB of them."""
    request = b"GET /x HTTP/1.1\r\n\r\n"
    return _send_much(b"", request * ((1 << 20) // len(request)), event)


def hold_bodies(event: int, _context: Any) -> int:
    """On `event` connections, 5 MiB each of a request that is never finished; returns how many took it."""
    head = b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nContent-Length: 6000000\r\n\r\n"
    kept, taken = [], 0
    for _ in range(event):
        client = _connection()
        client.settimeout(2)
        try:
            client.sendall(head + b"x" * (5 << 20))
        except OSError:
            client.close()
            continue
        kept.append(client)
        taken += 1
    return taken


def reconnect_quickly(event: int, _context: Any) -> int:
    """Connect and reset, `event` times: the node has a stranger's socket to look up each time, which is gone again."""
    done = 0
    address = _address()
    for _ in range(event):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        try:
            client.connect(address)
            done += 1
        except OSError:
            pass
        client.close()
    return done


def _open_slow_connections() -> list[socket.socket]:
    held = []
    try:
        while len(held) < 300:
            client = _connection()
            held.append(client)
            client.sendall(b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nContent-Length: 100\r\n\r\nx")
    except OSError:
        pass
    return held


def _send_much(start: bytes, block: bytes, count: int) -> dict[str, Any]:
    sent = 0
    with _connection() as client:
        client.settimeout(3)
        try:
            client.sendall(start)
            for _ in range(count):
                client.sendall(block)
                sent += 1
        except TimeoutError:
            return {"sent_mib": sent, "end": "the node stopped reading"}
        except OSError as error:
            return {"sent_mib": sent, "end": name_of(error.errno)}
    return {"sent_mib": sent, "end": None}


def _request(method: str, path: str, body: bytes | None) -> list[Any]:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=5)
    connection.request(method, _PREFIX + path, body)
    answer = connection.getresponse()
    status, text = answer.status, answer.read().decode()
    connection.close()
    return [status, text]


def _address() -> tuple[str, int]:
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
    return host, int(port)


def _connection() -> socket.socket:
    return socket.create_connection(_address(), timeout=5)


def _read_all(client: socket.socket) -> None:
    try:
        while client.recv(65_536):
            pass
    except OSError:
        pass
