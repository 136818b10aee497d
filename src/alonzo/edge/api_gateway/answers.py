"""Answers of the gateway itself."""

import json

from alonzo.edge.asgi import JSON_HEADER, Answer
from alonzo.ids import IdSource


def message_answer(status: int, message: str | None, *, headers: list[tuple[bytes, bytes]] | None = None) -> Answer:
    """`{"message": …}`, as API Gateway says what went wrong."""
    return Answer(status, [JSON_HEADER, *(headers or ())], json.dumps({"message": message}, separators=(",", ":")).encode())


def extended_request_id(ids: IdSource) -> str:
    """As AWS writes them: 15 characters and an equals sign."""
    return f"{ids.new_hex_id(8)[:15]}="
