"""The transport under `awslambdaric`: the interface of its C extension `runtime_client`, over one kept-alive connection.

The extension is built for one interpreter version and carries libcurl; this serves every version, and a warm invocation costs it two
system calls each way. Source of the protocol: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
"""

from __future__ import annotations

import logging
import os
import socket

_PREFIX = b"/2018-06-01/runtime/"
_RECEIVE_BYTES = 65_536
_ERROR_TYPE_HEADER = b"Lambda-Runtime-Function-Error-Type: "
_OK = 200
_ACCEPTED = 202
_INVALID_REQUEST_ID = 400
_TIMEOUT_SECONDS = 5.0
_TAKEN = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
"""How the node accepts a report, byte for byte: recognized at once. Any other answer is parsed."""


class Worker:
    """What wants to know of one process among several how far it is; see `python_workers`."""

    def on_end(self) -> None:
        """The handler has returned; its report has not been sent."""

    def on_report(self) -> None:
        """The report has been sent."""

    def on_begin(self, request_id: str) -> None:
        """An invocation has come."""


class _Connection:
    """One HTTP/1.1 connection to the Runtime API, opened again when the function has closed it under us.

    A report is sent together with the request for the next invocation, which follows at once: both are answered in order.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._head_end = b""
        self._next_request = b""
        self._report = b""
        self._rest = b""
        self._worker: Worker | None = None

    def configure(self, address: str, descriptor: int | None, worker: Worker | None) -> None:
        self._worker = worker
        self._head_end = b" HTTP/1.1\r\nHost: " + address.encode() + b"\r\n"
        self._next_request = b"GET " + _PREFIX + b"invocation/next" + self._head_end + b"\r\n"
        if descriptor is not None:
            self._socket = socket.socket(fileno=descriptor)

    def start_over(self) -> None:
        """In a child: the descriptor is another connection by now."""
        self._rest = self._report = b""

    def ask_restore(self) -> None:
        """Ask to be restored from a snapshot; `take_restore` is the answer."""
        request = b"GET " + _PREFIX + b"restore/next" + self._head_end + b"\r\n"
        (self._socket or self._connect()).sendall(request)

    def take_restore(self) -> None:
        """Wait for the answer. RuntimeError if it is none."""
        status, _, _ = self._read_answer(self._socket or self._connect())
        if status != _OK:
            raise RuntimeError(f"Failed to be restored, error code: {status}")

    def report_restore_error(self, error_type: str, body: bytes) -> None:
        """A hook has failed: told at once, since the process ends next."""
        head = b"POST " + _PREFIX + b"restore/error" + self._head_end + _ERROR_TYPE_HEADER + error_type.encode()
        connection = self._socket or self._connect()
        connection.sendall(b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
        self._read_answer(connection)

    def report(self, path: str, body: bytes, headers: str) -> None:
        """Leave a report to be sent with the next request."""
        head = b"POST " + _PREFIX + path.encode() + self._head_end
        self._report = b"%b%bContent-Length: %d\r\n\r\n%b" % (head, headers.encode("utf-8"), len(body), body)

    def next(self) -> tuple[bytes, dict[str, str | int]]:
        """Send what is to be sent, wait for the next invocation."""
        report, self._report = self._report, b""
        if self._worker is not None:
            self._worker.on_end()
        try:
            return self._next(self._socket or self._connect(), report)
        except OSError:
            # The function may have closed our descriptor. A report that has been taken is refused the second time: no harm.
            return self._next(self._connect(), report)

    def _next(self, connection: socket.socket, report: bytes) -> tuple[bytes, dict[str, str | int]]:
        connection.sendall(report + self._next_request)
        if self._worker is not None:
            self._worker.on_report()
        if report:
            self._check_report(connection)
        status, headers, body = self._read_answer(connection)
        if status != _OK:
            raise RuntimeError(f"Failed to get next invocation, error code: {status}")
        if self._worker is not None:
            self._worker.on_begin(headers["Lambda-Runtime-Aws-Request-Id"])
        # A number, as from the extension: LambdaContext reckons with it.
        return body, {**headers, "Lambda-Runtime-Deadline-Ms": int(headers["Lambda-Runtime-Deadline-Ms"])}

    def _check_report(self, connection: socket.socket) -> None:
        data = self._rest or _more(connection.recv(_RECEIVE_BYTES))
        if data.startswith(_TAKEN):
            self._rest = data[len(_TAKEN) :]
            return
        self._rest = data
        status, _, _ = self._read_answer(connection)
        if status in (_ACCEPTED, _INVALID_REQUEST_ID):
            return
        problem = f"Failed to post handler success response. Http response code: {status}"
        if self._worker is None:
            raise RuntimeError(problem)
        logging.warning("%s: This won't kill the Runtime loop", problem)  # as AWS's client has it where others run beside it

    def _connect(self) -> socket.socket:
        host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
        self._rest = b""
        # Not create_connection: its getaddrinfo looks up the idna codec, an import of some milliseconds.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.connect((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _read_answer(self, connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
        data = self._rest or _more(connection.recv(_RECEIVE_BYTES))
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += _more(connection.recv(_RECEIVE_BYTES))
        lines = data[:end].decode("utf-8").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            headers[name] = value
        length = int(headers["Content-Length"])
        body, self._rest = data[end + 4 : end + 4 + length], data[end + 4 + length :]
        if len(body) < length:
            body = _read_body(connection, body, length)
        return int(lines[0][9:12]), headers, body


def _read_body(connection: socket.socket, start: bytes, length: int) -> bytes:
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


def initialize_client(user_agent: str) -> None:
    """Called once by `awslambdaric` when it is imported, in the zygote: nothing is opened, nobody asks for a user agent."""
    del user_agent


def configure(address: str, descriptor: int | None, worker: Worker | None = None) -> None:
    """Called in the environment before the first request; `descriptor` is a connection that is there already."""
    _connection.configure(address, descriptor, worker)


def report_for(address: str, request_id: str, error_type: str, body: bytes) -> None:
    """Answer an invocation with an error in the place of the process that had it. OSError when that cannot be."""
    host, _, port = address.partition(":")
    head = (
        f"POST {_PREFIX.decode()}invocation/{request_id}/error HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
        f"Lambda-Runtime-Function-Error-Type: {error_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_SECONDS)
        connection.connect((host, int(port)))
        connection.sendall(head.encode() + body)
        connection.recv(_RECEIVE_BYTES)


def start_over() -> None:
    """See `_Connection`; so the three that follow."""
    _connection.start_over()


def ask_restore() -> None:
    _connection.ask_restore()


def take_restore() -> None:
    _connection.take_restore()


def report_restore_error(error_type: str, body: bytes) -> None:
    _connection.report_restore_error(error_type, body)


def next() -> tuple[bytes, dict[str, str | int]]:  # noqa: A001  # the name in awslambdaric's extension
    """Wait for the next invocation: its payload and the `Lambda-Runtime-…` headers."""
    return _connection.next()


def post_invocation_result(invoke_id: str, data: bytes, content_type: str, invocation_id: str | None) -> None:
    """Answer an invocation. What goes wrong is raised by the `next` that follows."""
    del content_type  # JSON, here and always
    _connection.report(f"invocation/{invoke_id}/response", data, _invocation_header(invocation_id))


def post_error(invoke_id: str, error: str, xray_fault: str, invocation_id: str | None) -> None:
    """Report that the handler raised. What goes wrong is raised by the `next` that follows."""
    headers = "Lambda-Runtime-Function-Error-Type: Unhandled\r\n" + _invocation_header(invocation_id)
    if xray_fault and "\n" not in xray_fault and xray_fault.isascii():
        headers += f"Lambda-Runtime-Function-XRay-Error-Cause: {xray_fault}\r\n"
    _connection.report(f"invocation/{invoke_id}/error", error.encode("utf-8", "surrogatepass"), headers)


def _invocation_header(invocation_id: str | None) -> str:
    return f"Lambda-Runtime-Invocation-Id: {invocation_id}\r\n" if invocation_id else ""
