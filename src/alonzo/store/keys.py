"""Any text as one token of a NATS subject, and back.

Letters, digits, `-` and `_` stand for themselves, every other byte of the UTF-8 form becomes `=XX`; empty text is a single `=`.
The result stays within what NATS's own tools accept as a key, so `nats kv get` can show a record.
Source of the allowed characters: NATS ADR-8 (JetStream based key-value stores), "Keys".
"""

import re

_UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")
_ESCAPED = re.compile(rb"=([0-9A-F]{2})")
_EMPTY = "="


def to_token(text: str) -> str:
    """One subject token that stands for any text."""
    if not text:
        return _EMPTY
    return _UNSAFE.sub(lambda match: b"=%02X" % match[0][0], text.encode()).decode()


def from_token(token: str) -> str:
    """The text that `to_token` made the token of."""
    if token == _EMPTY:
        return ""
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), token.encode()).decode()


def to_subject(parts: tuple[str, ...]) -> str:
    """The tokens of several texts, joined; at least one."""
    if not parts:
        raise ValueError("a key has at least one part")
    return ".".join(map(to_token, parts))


def from_subject(subject: str) -> tuple[str, ...]:
    """The texts that `to_subject` joined."""
    return tuple(map(from_token, subject.split(".")))
