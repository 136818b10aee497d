"""moto's queues, made fast enough to be polled.

For every message that it hands out moto counts all messages of the queue, several times over, to learn how long the queue keeps them: with
500 messages 29 ms for each. And it tells the time by way of a calendar, 16 µs instead of 0.1, for each message at each request.
"""

import time
from typing import Any

import moto.sqs.models as sqs


def quicken_queues() -> None:
    """Change moto's SQS for good. To be called before it serves."""
    module: Any = sqs
    module.SQSBackend.is_message_valid_based_on_retention_period = _is_kept
    module.unix_time_millis = _unix_ms


def _is_kept(backend: Any, queue_name: str, message: Any) -> bool:
    queue = backend.get_queue(queue_name)
    return bool(message.sent_timestamp + int(queue.message_retention_period) * 1000 > _unix_ms())


def _unix_ms() -> float:
    return time.time() * 1000
