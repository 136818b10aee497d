"""HTTP as the load generator speaks it: requests made beforehand, answers recognized with as little work as possible."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")
_LAST_CHUNK = b"0\r\n\r\n"
_FUNCTION_ERROR = re.compile(rb"\r\nx-amz-function-error:", re.IGNORECASE)
_STATUS = slice(9, 12)
_SUCCESSES = frozenset({200, 202})
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. `is_success`: status 200 or 202 (an event), and the function has not failed."""

    status: int
    body: bytes
    is_success: bool


def signed_request(address: tuple[str, int], function_name: str, payload: bytes, *, invocation_type: str = "RequestResponse") -> bytes:
    """An Invoke with the headers that boto3 sends. The signature is random: nobody verifies it, but every request has another."""
    path = f"/2015-03-31/functions/{function_name}/invocations"
    return post_request(address, path, payload, signed_headers() + kind_headers(invocation_type))


def kind_headers(invocation_type: str) -> tuple[str, ...]:
    """What boto3 says of it, where it is not the usual one."""
    return () if invocation_type == "RequestResponse" else (f"X-Amz-Invocation-Type: {invocation_type}",)


def signed_headers() -> tuple[str, ...]:
    """Those of boto3, with a signature of their own."""
    return (
        "Accept-Encoding: identity",
        "User-Agent: Boto3/1.44.0 md/Botocore#1.44.0 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.12.0 "
        "cfg/retry-mode#legacy Botocore/1.44.0",
        "X-Amz-Date: 20300101T000000Z",
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/lambda/aws4_request, "
        f"SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;host;x-amz-date, Signature={secrets.token_hex(32)}",
        f"amz-sdk-invocation-id: {secrets.token_hex(18)}",
        "amz-sdk-request: attempt=1",
    )


def post_request(address: tuple[str, int], path: str, payload: bytes, headers: tuple[str, ...] = ()) -> bytes:
    """A POST with these headers, and those without which it is none."""
    head = (f"POST {path} HTTP/1.1", f"Host: {address[0]}:{address[1]}", *headers, f"Content-Length: {len(payload)}")
    return "\r\n".join(head).encode() + _HEAD_END + payload


def plain_request(host: str, path: str = "/") -> bytes:
    """A GET as curl sends it."""
    return "\r\n".join((f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: curl/8.5.0", "Accept: */*")).encode() + _HEAD_END


def parse_response(received: bytes) -> Response | None:
    """The answer, or None while it is not complete. ValueError when its length is not told: nothing that is measured answers so."""
    head_end = received.find(_HEAD_END)
    if head_end < 0:
        return None
    body_start = head_end + len(_HEAD_END)
    length = _CONTENT_LENGTH.search(received, 0, head_end)
    if length is not None:
        if len(received) < body_start + int(length[1]):
            return None
        body = received[body_start:]
    elif _CHUNKED.search(received, 0, head_end):
        if not received.endswith(_LAST_CHUNK, body_start):
            return None
        body = b"".join(_iter_chunks(received, body_start))
    else:
        raise ValueError(f"an answer without a length: {received[:200]!r}")
    status = int(received[_STATUS])
    is_success = status in _SUCCESSES and _FUNCTION_ERROR.search(received, 0, head_end) is None
    return Response(status, body, is_success)


def _iter_chunks(received: bytes, position: int) -> Iterator[bytes]:
    while (head := _CHUNK.match(received, position)) and (size := int(head[1], 16)):
        yield received[head.end() : head.end() + size]
        position = head.end() + size + len(b"\r\n")
