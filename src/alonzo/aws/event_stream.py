"""Messages of `application/vnd.amazon.eventstream`, written.

    length (4) · length of headers (4) · CRC of these · headers · payload · CRC of all

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html and Smithy's event stream specification.
"""

import struct
import zlib
from collections.abc import Mapping

_LENGTHS = struct.Struct("!II")
_CRC = struct.Struct("!I")
_NAME_LENGTH = struct.Struct("!B")
_STRING = struct.Struct("!BH")
_STRING_TYPE = 7
_FRAME_BYTES = _LENGTHS.size + 2 * _CRC.size


def encode_event(event_type: str, payload: bytes, *, content_type: str) -> bytes:
    """One event of a stream."""
    return encode_message({":event-type": event_type, ":content-type": content_type, ":message-type": "event"}, payload)


def encode_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message; all headers are texts."""
    head = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    lengths = _LENGTHS.pack(_FRAME_BYTES + len(head) + len(payload), len(head))
    message = b"".join((lengths, _CRC.pack(zlib.crc32(lengths)), head, payload))
    return message + _CRC.pack(zlib.crc32(message))


def _header(name: bytes, value: bytes) -> bytes:
    return _NAME_LENGTH.pack(len(name)) + name + _STRING.pack(_STRING_TYPE, len(value)) + value
