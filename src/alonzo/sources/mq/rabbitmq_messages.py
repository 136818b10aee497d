"""Messages of RabbitMQ as functions get them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html#services-mq-events. Texts in headers are byte arrays there, as the Java
client has them; instants are written as its JSON library writes them.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_BYTE_MAX, _BYTES = 127, 256


def event_of(event_source_arn: str, queue: str, virtual_host: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The event of a batch from one queue."""
    return {
        "eventSource": "aws:rmq",
        "eventSourceArn": event_source_arn,
        "rmqMessagesByQueue": {f"{queue}::{virtual_host}": messages},
    }


def message_of(*, properties: Any, body: bytes, redelivered: bool) -> dict[str, Any]:
    """One message. `properties`: AMQP's basic properties, as pamqp has them."""
    return {
        "basicProperties": {
            "contentType": properties.content_type,
            "contentEncoding": properties.content_encoding,
            "headers": None if properties.headers is None else {name: _header(value) for name, value in properties.headers.items()},
            "deliveryMode": properties.delivery_mode,
            "priority": properties.priority,
            "correlationId": properties.correlation_id,
            "replyTo": properties.reply_to,
            "expiration": properties.expiration,
            "messageId": properties.message_id,
            "timestamp": None if properties.timestamp is None else _instant(properties.timestamp),
            "type": properties.message_type,
            "userId": properties.user_id,
            "appId": properties.app_id,
            "clusterId": properties.cluster_id or None,
            "bodySize": len(body),
        },
        "redelivered": redelivered,
        "data": base64.b64encode(body).decode(),
    }


def _header(value: Any) -> Any:
    match value:
        case str():
            return {"bytes": _signed(value.encode())}
        case bytes() | bytearray():
            return _signed(value)
        case Mapping():
            return {name: _header(each) for name, each in value.items()}
        case list() | tuple():
            return [_header(each) for each in value]
        case datetime():
            return _instant(value)
    return float(value) if isinstance(value, Decimal) else value


def _signed(content: bytes | bytearray) -> list[int]:
    return [byte - _BYTES if byte > _BYTE_MAX else byte for byte in content]


def _instant(at: datetime) -> str:
    """`Jan 1, 1970, 12:33:41 AM`."""
    at = at.astimezone(UTC) if at.tzinfo is not None else at
    return f"{at:%b} {at.day}, {at.year}, {at.hour % 12 or 12}:{at:%M:%S} {at:%p}"
