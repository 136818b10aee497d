"""The transport under `awslambdaric`: the interface of its C extension `runtime_client`, over one kept-alive connection.

The extension is built for one interpreter version and carries libcurl; this serves every version, and a warm invocation costs it two
system calls each way. Source of the protocol: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
"""

from __future__ import annotations

import os
import socket

_VERSION = "2018-06-01"
_RECEIVE_BYTES = 65_536
_ACCEPTED = 202
_OK = 200


class _Connection:
    """One HTTP/1.1 connection to the Runtime API, opened again when the function has closed it under us."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._prefix = b""
        self._host = b""
        self.next_request = b""

    def configure(self, address: str, user_agent: str) -> None:
        self._host, self._prefix = address.encode(), b"/" + _VERSION.encode() + b"/runtime/"
        common = b" HTTP/1.1\r\nHost: " + self._host + b"\r\nUser-Agent: " + user_agent.encode() + b"\r\n"
        self.next_request = b"GET " + self._prefix + b"invocation/next" + common + b"\r\n"
        self._common = common

    def post(self, path: str, body: bytes, headers: str) -> tuple[int, dict[str, str], bytes]:
        head = b"POST " + self._prefix + path.encode() + self._common
        return self.exchange(b"%b%bContent-Length: %d\r\n\r\n%b" % (head, headers.encode("utf-8"), len(body), body))

    def exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send a request, return status, headers and body of its answer."""
        try:
            return self._exchange(self._socket or self._connect(), request)
        except OSError:
            # The function may have closed our descriptor. Nothing was taken by the other side: a complete request is answered.
            return self._exchange(self._connect(), request)

    def _connect(self) -> socket.socket:
        host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _exchange(self, connection: socket.socket, request: bytes) -> tuple[int, dict[str, str], bytes]:
        connection.sendall(request)
        data = connection.recv(_RECEIVE_BYTES)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += _more(connection.recv(_RECEIVE_BYTES))
        lines = data[:end].decode("utf-8").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            headers[name] = value
        return int(lines[0][9:12]), headers, _read_body(connection, data[end + 4 :], int(headers["Content-Length"]))


def _read_body(connection: socket.socket, start: bytes, length: int) -> bytes:
    if len(start) >= length:
        return start
    body = bytearray(length)
    body[: len(start)] = start
    view, position = memoryview(body), len(start)
    while position < length:
        count = connection.recv_into(view[position:])
        if count == 0:
            raise ConnectionResetError("the Runtime API closed the connection")
        position += count
    return bytes(body)


def _more(data: bytes) -> bytes:
    if not data:
        raise ConnectionResetError("the Runtime API closed the connection")
    return data


_connection = _Connection()
_user_agents: list[str] = []


def initialize_client(user_agent: str) -> None:
    """Called once by `awslambdaric` when it is imported, in the zygote: remembered, nothing is opened."""
    _user_agents.append(user_agent)


def configure(address: str) -> None:
    """Called in the environment before the first request."""
    _connection.configure(address, _user_agents[-1])


def next() -> tuple[bytes, dict[str, str]]:  # noqa: A001  # the name in awslambdaric's extension
    """Wait for the next invocation: its payload and the `Lambda-Runtime-…` headers."""
    status, headers, body = _connection.exchange(_connection.next_request)
    if status != _OK:
        raise RuntimeError(f"Failed to get next invocation, error code: {status}")
    return body, headers


def post_invocation_result(invoke_id: str, data: bytes, content_type: str, invocation_id: str | None) -> None:
    """Answer an invocation."""
    headers = f"Content-Type: {content_type}\r\n" + _invocation_header(invocation_id)
    _expect_accepted(_connection.post(f"invocation/{invoke_id}/response", data, headers))


def post_error(invoke_id: str, error: str, xray_fault: str, invocation_id: str | None) -> None:
    """Report that the handler raised."""
    headers = "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: Unhandled\r\n" + _invocation_header(invocation_id)
    if xray_fault and "\n" not in xray_fault and xray_fault.isascii():
        headers += f"Lambda-Runtime-Function-XRay-Error-Cause: {xray_fault}\r\n"
    _expect_accepted(_connection.post(f"invocation/{invoke_id}/error", error.encode("utf-8", "surrogatepass"), headers))


def _invocation_header(invocation_id: str | None) -> str:
    return f"Lambda-Runtime-Invocation-Id: {invocation_id}\r\n" if invocation_id else ""


def _expect_accepted(answer: tuple[int, dict[str, str], bytes]) -> None:
    status = answer[0]
    if status != _ACCEPTED:
        raise RuntimeError(f"Failed to post handler success response. Http response code: {status}")
