"""Bodies in events: JSON holds text only, so what is not text is in base64.

Which is which AWS tells by the media type. Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
("isBase64Encoded"); that forms and multipart bodies count as binary is recorded.
"""

from base64 import b64encode

_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})
_TEXT_SUFFIXES = ("+json", "+xml")


def is_text_type(content_type: str | None) -> bool:
    """Whether a body of this media type goes into an event as it is. A body without a type is text if it can be."""
    if not content_type:
        return True
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type in _TEXT_TYPES or media_type.endswith(_TEXT_SUFFIXES)


def event_body(
    body: bytes, *, content_type: str | None, content_encoding: str | None = None, is_binary: bool | None = None
) -> tuple[str, bool]:
    """A body for an event, and whether it is in base64. `is_binary` says what the types would else tell.

    Text that is not UTF-8, or compressed, is not text.
    """
    if is_binary is None:
        is_binary = not is_text_type(content_type) or content_encoding not in (None, "", "identity")
    if not is_binary:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return b64encode(body).decode(), True
