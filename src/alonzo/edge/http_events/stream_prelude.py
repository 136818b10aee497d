"""The beginning of a streamed response of HTTP: metadata, eight NUL bytes, then the body.

Source: https://docs.aws.amazon.com/lambda/latest/dg/response-streaming-tutorial.html and AWS's runtime interface client for Node.js
(HttpResponseStream).
"""

import msgspec

from alonzo.edge.http_events.answers import MalformedAnswer, header_value, read_headers, read_status

INTEGRATION_TYPE = "application/vnd.awslambda.http-integration-response"
"""The media type of streams that begin so. Others are a body from their first byte."""

_END = bytes(8)
_METADATA_MAX_BYTES = 131_072


class Prelude(msgspec.Struct, frozen=True):
    """What the metadata say."""

    status: int
    headers: list[tuple[bytes, bytes]]


class PreludeReader:
    """Reads the first parts of a stream, until it has it all."""

    def __init__(self, *, remapped: frozenset[bytes] = frozenset()) -> None:
        self._remapped = remapped
        self._begun = b""

    def feed(self, part: bytes) -> tuple[Prelude, bytes] | None:
        """The metadata and the beginning of the body, or None as long as more is needed. `MalformedAnswer`."""
        searched_from = max(0, len(self._begun) - len(_END) + 1)
        self._begun += part
        end = self._begun.find(_END, searched_from)
        if end < 0:
            if len(self._begun) > _METADATA_MAX_BYTES:
                raise MalformedAnswer("the metadata do not end")
            return None
        return read_prelude(self._begun[:end], remapped=self._remapped), self._begun[end + len(_END) :]


def read_prelude(metadata: bytes, *, remapped: frozenset[bytes] = frozenset()) -> Prelude:
    """`{"statusCode": 200, "headers": {…}, "multiValueHeaders": {…}, "cookies": […]}`, each of them optional. `MalformedAnswer`."""
    try:
        content = msgspec.json.decode(metadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedAnswer(f"the metadata are no JSON: {error}") from error
    if not isinstance(content, dict):
        raise MalformedAnswer("the metadata are no object")
    headers = read_headers(content.get("headers"), content.get("multiValueHeaders"), remapped=remapped)
    cookies = content.get("cookies")
    if cookies is not None and not isinstance(cookies, list):
        raise MalformedAnswer("cookies is no list")
    headers += [(b"set-cookie", header_value(cookie)) for cookie in cookies or ()]
    return Prelude(read_status(content.get("statusCode", 200)), headers)
