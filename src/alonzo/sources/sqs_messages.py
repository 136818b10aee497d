"""Messages of SQS as functions get them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from alonzo.sources.filters import decoded
from alonzo.sources.stream_lane import BATCH_MAX_BYTES

_TRACE_HEADER = "AWSTraceHeader"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """One message in hand. `received_at`: monotonic seconds, from which its visibility timeout counts."""

    message_id: str
    receipt_handle: str
    members: dict[str, Any]
    content: bytes
    received_at: float


def message_of(raw: dict[str, Any], *, queue_arn: str, region: str, received_at: float) -> QueueMessage:
    """What ReceiveMessage has answered."""
    members: dict[str, Any] = {
        "messageId": raw["MessageId"],
        "receiptHandle": raw["ReceiptHandle"],
        "body": raw.get("Body", ""),
        "attributes": raw.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in raw.get("MessageAttributes", {}).items()},
    }
    for name, member in (("MD5OfBody", "md5OfBody"), ("MD5OfMessageAttributes", "md5OfMessageAttributes")):
        if raw.get(name) is not None:
            members[member] = raw[name]
    members |= {"eventSource": "aws:sqs", "eventSourceARN": queue_arn, "awsRegion": region}
    return QueueMessage(
        message_id=raw["MessageId"],
        receipt_handle=raw["ReceiptHandle"],
        members=members,
        content=msgspec.json.encode(members),
        received_at=received_at,
    )


def event_of(messages: Sequence[QueueMessage]) -> bytes:
    """What the function gets."""
    return b'{"Records":[' + b",".join([message.content for message in messages]) + b"]}"


def in_batches(messages: Sequence[QueueMessage]) -> Iterator[list[QueueMessage]]:
    """No more at once than an invocation can carry."""
    batch: list[QueueMessage] = []
    size_bytes = 0
    for message in messages:
        size_bytes += len(message.content) + 1
        if batch and size_bytes > BATCH_MAX_BYTES:
            yield batch
            batch, size_bytes = [], len(message.content) + 1
        batch.append(message)
    if batch:
        yield batch


def filtered_view(message: QueueMessage) -> dict[str, Any]:
    """As filters see it."""
    return message.members | {"body": decoded(message.members["body"])}


def trace_headers(messages: Sequence[QueueMessage]) -> list[str]:
    """Those with which the messages were sent."""
    return [header for message in messages if (header := message.members["attributes"].get(_TRACE_HEADER))]


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if value.get("StringValue") is not None:
        shown["stringValue"] = value["StringValue"]
    if value.get("BinaryValue") is not None:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return shown | {"stringListValues": [], "binaryListValues": [], "dataType": value.get("DataType")}
