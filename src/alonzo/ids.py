"""Identifiers as AWS writes them."""

import os


def new_uuid() -> str:
    """A random (version 4) UUID in its usual text form: request ids, revision ids. A third of the cost of `uuid.uuid4()`."""
    value = bytearray(os.urandom(16))
    value[6] = (value[6] & 0x0F) | 0x40
    value[8] = (value[8] & 0x3F) | 0x80
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_hex_id(byte_count: int) -> str:
    """Random lower-case hexadecimal digits, two a byte: log stream names, trace ids, directory names."""
    return os.urandom(byte_count).hex()
