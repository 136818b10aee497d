"""Messages of ActiveMQ as functions get them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html#services-mq-events and an event as AWS sent it, in the tests of
aws-lambda-go (`activemq-event.json`): texts that are not there are empty, but `replyTo` is the word null. AWS speaks OpenWire to the
broker, STOMP is spoken here: how its headers stand for fields of JMS is in https://activemq.apache.org/components/classic/documentation/stomp.
"""

import base64
from collections.abc import Mapping
from typing import Any

_OF_PROTOCOL = frozenset(
    (
        *("destination", "message-id", "ack", "subscription", "content-length", "content-type", "correlation-id", "expires", "persistent"),
        *("priority", "reply-to", "redelivered", "timestamp", "type", "transformation", "receipt"),
    )
)
"""All other headers are properties of the message."""
_QUEUE = "/queue/"
_PERSISTENT, _NOT_PERSISTENT = 2, 1
"""Source: JMS, `DeliveryMode`."""


def event_of(event_source_arn: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The event of a batch."""
    return {"eventSource": "aws:mq", "eventSourceArn": event_source_arn, "messages": messages}


def message_of(headers: Mapping[str, str], body: bytes, *, redelivered: bool, received_unix_ms: int) -> dict[str, Any]:
    """One message. STOMP does not tell when the broker got and sent it: its own instant and that of its arrival stand for that."""
    timestamp = int(headers.get("timestamp") or received_unix_ms)
    return {
        "messageID": headers.get("message-id", ""),
        # The broker gives the length of what is bytes to JMS; text goes without.
        "messageType": "jms/bytes-message" if "content-length" in headers else "jms/text-message",
        "timestamp": timestamp,
        "deliveryMode": _PERSISTENT if headers.get("persistent") == "true" else _NOT_PERSISTENT,
        "correlationID": headers.get("correlation-id", ""),
        "replyTo": headers.get("reply-to", "null"),
        "destination": {"physicalName": headers.get("destination", "").removeprefix(_QUEUE)},
        "redelivered": redelivered,
        "type": headers.get("type", ""),
        "expiration": int(headers.get("expires") or 0),
        "priority": int(headers.get("priority") or 0),
        "data": base64.b64encode(body).decode(),
        "brokerInTime": timestamp,
        "brokerOutTime": received_unix_ms,
        "properties": {name: value for name, value in headers.items() if name not in _OF_PROTOCOL},
    }
