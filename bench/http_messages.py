"""HTTP as the load generator speaks it: requests made beforehand, answers recognized with as little work as possible."""

import re
import secrets
from dataclasses import dataclass

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
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
    kind = () if invocation_type == "RequestResponse" else (f"X-Amz-Invocation-Type: {invocation_type}",)
    head = (
        f"POST /2015-03-31/functions/{function_name}/invocations HTTP/1.1",
        f"Host: {address[0]}:{address[1]}",
        "Accept-Encoding: identity",
        "User-Agent: Boto3/1.44.0 md/Botocore#1.44.0 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.12.0 "
        "cfg/retry-mode#legacy Botocore/1.44.0",
        "X-Amz-Date: 20300101T000000Z",
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20300101/us-east-1/lambda/aws4_request, "
        f"SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;host;x-amz-date, Signature={secrets.token_hex(32)}",
        f"amz-sdk-invocation-id: {secrets.token_hex(18)}",
        "amz-sdk-request: attempt=1",
        *kind,
        f"Content-Length: {len(payload)}",
    )
    return "\r\n".join(head).encode() + _HEAD_END + payload


def parse_response(received: bytes) -> Response | None:
    """The answer, or None while it is not complete. ValueError when its length is not given: nothing that is measured answers so."""
    head_end = received.find(_HEAD_END)
    if head_end < 0:
        return None
    length = _CONTENT_LENGTH.search(received, 0, head_end)
    if length is None:
        raise ValueError(f"an answer without a length: {received[:200]!r}")
    body_start = head_end + len(_HEAD_END)
    if len(received) < body_start + int(length[1]):
        return None
    status = int(received[_STATUS])
    is_success = status in _SUCCESSES and _FUNCTION_ERROR.search(received, 0, head_end) is None
    return Response(status, received[body_start:], is_success)
