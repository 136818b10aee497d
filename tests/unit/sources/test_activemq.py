"""What functions see of a message of ActiveMQ; the broker itself is in tests/process/brokers/test_activemq.py."""

from alonzo.sources.mq.activemq_messages import message_of


def test_headers_of_stomp_stand_for_fields_of_jms() -> None:
    headers = {
        "destination": "/queue/orders",
        "message-id": "ID:1",
        "persistent": "true",
        "priority": "7",
        "timestamp": "1000",
        "expires": "0",
        "correlation-id": "c",
        "type": "order",
        "index": "1",
    }
    assert message_of(headers, b"text", redelivered=False, received_unix_ms=2_000) == {
        "messageID": "ID:1",
        "messageType": "jms/text-message",
        "timestamp": 1_000,
        "deliveryMode": 2,
        "correlationID": "c",
        "replyTo": "null",
        "destination": {"physicalName": "orders"},
        "redelivered": False,
        "type": "order",
        "expiration": 0,
        "priority": 7,
        "data": "dGV4dA==",
        "brokerInTime": 1_000,
        "brokerOutTime": 2_000,
        "properties": {"index": "1"},
    }
    content = message_of({"content-length": "1"}, b"\xff", redelivered=True, received_unix_ms=2_000)
    assert (content["messageType"], content["data"], content["redelivered"], content["timestamp"]) == (
        "jms/bytes-message",
        "/w==",
        True,
        2_000,
    )
