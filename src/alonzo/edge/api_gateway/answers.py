"""Answers of the gateway itself."""

import json
import logging

from alonzo.edge.asgi import JSON_HEADER, Answer
from alonzo.edge.http_events.request import HttpRequest
from alonzo.ids import IdSource


def message_answer(status: int, message: str | None, *, headers: list[tuple[bytes, bytes]] | None = None) -> Answer:
    """`{"message": …}`, as API Gateway says what went wrong."""
    return Answer(status, [JSON_HEADER, *(headers or ())], json.dumps({"message": message}, separators=(",", ":")).encode())


def internal_failure(log: logging.Logger, request: HttpRequest, request_id: str) -> Answer:
    """The answer to a request that has failed in a way that nobody has foreseen; it is logged. To be called where it is caught."""
    log.exception("a request to %s failed", request.host or request.path, extra={"request_id": request_id})
    return message_answer(500, "Internal Server Error")


def extended_request_id(ids: IdSource) -> str:
    """As AWS writes them: 15 characters and an equals sign."""
    return f"{ids.new_hex_id(8)[:15]}="
