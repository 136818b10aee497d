"""What the server does with connections, whatever the operation."""

import asyncio
import json
import socket
import urllib.request
from typing import Any

import pytest

from alonzo.edge.server import open_listening_socket
from alonzo.errors import SetupError

LIST = b"GET /2015-03-31/functions HTTP/1.1\r\nhost: a\r\n"


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def page(edge: Any, path: str) -> Any:
    with urllib.request.urlopen(edge.url + path, timeout=10) as answer:
        return json.load(answer)


def test_answers_health(edge: Any) -> None:
    assert page(edge, "/health") == {"status": "ready", "version": "9.9", "services": {"lambda": "available", "logs": "available"}}
    assert page(edge, "/_localstack/health")["services"]["lambda"] == "available"
    assert page(edge, "/_localstack/health")["edition"] == "community"
    assert page(edge, "/_localstack/info")["version"] == "9.9"
    assert page(edge, "/_localstack/init/ready") == {"completed": True, "scripts": []}
    assert page(edge, "/_localstack/init")["completed"] == {"BOOT": True, "START": True, "READY": True, "SHUTDOWN": False}
    assert status_of(edge.send(b"POST /health HTTP/1.1\r\nconnection: close\r\n\r\n")) == 405
    assert edge.send(b"HEAD /health HTTP/1.1\r\nconnection: close\r\n\r\n").endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("path", "status"), [("/", 404), ("/nothing/here", 404), ("/2015-03-31/nothing", 404), ("/2015-03-31/functions/a/b/invocations", 404)]
)
def test_unknown_paths_are_unknown_operations(edge: Any, path: str, status: int) -> None:
    answer = edge.send(f"POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
    assert status_of(answer) == status
    assert b"x-amzn-errortype: UnknownOperationException" in answer


@pytest.mark.parametrize(
    "offer", [b"upgrade: h2c\r\nconnection: upgrade, http2-settings\r\n", b"upgrade: websocket\r\nconnection: upgrade\r\n"]
)
def test_goes_on_with_http_1_when_another_protocol_is_offered(edge: Any, offer: bytes) -> None:
    body = b'{"a":1}'
    invoke = b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\ncontent-length: 7\r\n" + offer + b"\r\n" + body
    answer = edge.send(invoke + LIST + b"connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2
    assert body in answer


def test_answers_pipelined_requests_in_order(edge: Any) -> None:
    requests = [
        f"POST /2015-03-31/functions/f{number}/invocations HTTP/1.1\r\ncontent-length: 1\r\n\r\n{number}".encode() for number in range(9)
    ]
    answer = edge.send(b"".join(requests) + LIST + b"connection: close\r\n\r\n")
    assert [answer.index(b"x-function-name: f%d" % number) for number in range(9)] == sorted(
        answer.index(b"x-function-name: f%d" % number) for number in range(9)
    )


def test_asks_for_a_body_that_waits_to_be_asked(edge: Any) -> None:
    with socket.create_connection((edge.host, edge.port), timeout=10) as connection:
        connection.sendall(b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n")
        assert connection.recv(1_000).startswith(b"HTTP/1.1 100")
        connection.sendall(b"1")
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_refuses_requests_beyond_the_limit(edge: Any, framing: str) -> None:
    head = b"PUT /2015-03-31/functions/f/configuration HTTP/1.1\r\nconnection: close\r\n"
    body = b" " * 6_291_457
    if framing == "chunked":
        answer = edge.send(head + b"transfer-encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
    else:
        answer = edge.send(head + b"content-length: %d\r\n\r\n" % len(body) + body)
    assert status_of(answer) == 413
    assert b"x-amzn-errortype: RequestEntityTooLargeException" in answer
    assert b"Request must be smaller than 6291456 bytes for the UpdateFunctionConfiguration operation" in answer


def test_goes_on_with_a_connection_whose_body_was_too_large(edge: Any) -> None:
    head = b"PUT /2015-03-31/functions/f/configuration HTTP/1.1\r\ncontent-length: 9000000\r\n\r\n"
    answer = edge.send(head + b" " * 9_000_000 + LIST + b"connection: close\r\n\r\n")
    assert (status_of(answer), answer.count(b"HTTP/1.1 200")) == (413, 1)


def test_refuses_endless_headers(edge: Any) -> None:
    assert status_of(edge.send(LIST + b"x: " + b"y" * 1_000_000)) == 431


@pytest.mark.parametrize(
    "stalled",
    [b"", b"GET / HT", LIST, b"PUT /2015-03-31/functions/f/configuration HTTP/1.1\r\ncontent-length: 9\r\n\r\n{"],
)
def test_cuts_off_stalled_clients(impatient_edge: Any, stalled: bytes) -> None:
    assert status_of(impatient_edge.send(stalled)) == 408


def test_lets_requests_in_flight_finish_when_drained(own_edge: Any) -> None:
    client = own_edge.client("lambda")

    async def drain_during_a_request() -> tuple[bool, Any]:
        request = asyncio.get_running_loop().run_in_executor(None, lambda: client.get_function(FunctionName="slow"))
        await own_edge.entered.wait()
        draining = asyncio.ensure_future(own_edge.server.drain(timeout_seconds=10))
        await asyncio.sleep(0)
        own_edge.release.set()
        return await draining, await request

    is_complete, answer = own_edge.run(drain_during_a_request())
    assert is_complete
    assert answer["Tags"] == {"waited": "yes"}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((own_edge.host, own_edge.port), timeout=1)


def test_waits_for_slow_readers_when_drained(own_edge: Any) -> None:
    body = b"x" * 1_000_000
    with socket.create_connection((own_edge.host, own_edge.port), timeout=10) as connection:
        connection.sendall(b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        received = bytearray(connection.recv(1_000))
        draining = asyncio.run_coroutine_threadsafe(own_edge.server.drain(timeout_seconds=10), own_edge.loop)
        while part := connection.recv(65_536):
            received += part
    assert draining.result(10) is True
    assert received.endswith(body)


def test_drops_requests_that_outlast_the_drain(own_edge: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def drain_during_a_request() -> bool:
        _, writer = await asyncio.open_connection(own_edge.host, own_edge.port)
        writer.write(b"GET /2015-03-31/functions/slow HTTP/1.1\r\n\r\n")
        await own_edge.entered.wait()
        is_complete: bool = await own_edge.server.drain(timeout_seconds=0.05)
        writer.close()
        return is_complete

    assert own_edge.run(drain_during_a_request()) is False
    assert not caplog.records


def test_serves_further_sockets_as_long_as_wanted(own_edge: Any, tmp_path: Any) -> None:
    path = tmp_path / "socket"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    served = own_edge.run(own_edge.server.serve_socket(listening))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(LIST + b"connection: close\r\n\r\n")
        assert status_of(connection.recv(1_000)) == 200
    own_edge.loop.call_soon_threadsafe(served.close)
    own_edge.run(asyncio.sleep(0))
    with socket.socket(socket.AF_UNIX) as connection, pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        connection.connect(str(path))


def test_says_what_to_do_when_the_port_is_taken(edge: Any) -> None:
    with pytest.raises(SetupError, match=f"cannot listen on 127.0.0.1 port {edge.port}: .*--port"):
        open_listening_socket(host=edge.host, port=edge.port)


def test_says_when_the_host_is_none_of_ours() -> None:
    with pytest.raises(SetupError, match=r"203\.0\.113\.7"):
        open_listening_socket(host="203.0.113.7", port=0)
