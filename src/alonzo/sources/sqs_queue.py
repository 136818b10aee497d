"""One queue: receiving, and deleting what is done."""

import asyncio
from collections.abc import Sequence
from typing import Any

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.clock import Clock
from alonzo.model.scope import Scope
from alonzo.sources.notices import WriteWatch
from alonzo.sources.source import AwsServices
from alonzo.sources.sqs_messages import QueueMessage, message_of
from alonzo.sources.stream_lane import BATCH_MAX_BYTES

_RECEIVE_MAX_COUNT = 10
_LONG_POLL_SECONDS = 20
_LOOK_SECONDS = 1.0
"""Between looks at a queue in the companion, unless there is news: messages that become visible, say."""
_DELETE_TRIES, _DELETE_PAUSE_SECONDS = 3, 0.2


class Queue:
    """`watch`: news of writes through this node."""

    def __init__(self, arn: str, *, services: AwsServices, watch: WriteWatch, clock: Clock) -> None:
        _, partition, _, region, account_id, name = arn.split(":", 5)
        self._arn = arn
        self._scope = Scope(account_id, region, partition)
        # Its path is what services read: the call goes to the endpoint.
        self._url = f"https://sqs.{region}.amazonaws.com/{account_id}/{name}"
        self._services = services
        self._watch = watch
        self._clock = clock
        # A request that waits at the companion holds one of its threads, and takes messages along when it is broken off.
        self._polls_long = not services.is_companion("sqs")

    async def read_visibility_seconds(self) -> int:
        """The queue's visibility timeout. Errors of AWS calls, above all that there is no such queue."""
        answer = await self._call("GetQueueAttributes", {"AttributeNames": ["VisibilityTimeout"]})
        return int(answer.get("Attributes", {}).get("VisibilityTimeout", 30))

    async def gather(self, batch_size: int, *, window_seconds: float, stopping: asyncio.Event) -> list[QueueMessage]:
        """Wait for messages, then for more of them until there are enough or the window is over; perhaps none. Errors of AWS calls."""
        messages = await self._wait_for_some(min(batch_size, _RECEIVE_MAX_COUNT))
        if not messages or not window_seconds:
            return messages
        deadline = self._clock.monotonic() + window_seconds
        size_bytes = sum(len(message.content) for message in messages)
        while len(messages) < batch_size and size_bytes < BATCH_MAX_BYTES and not stopping.is_set():
            left_seconds = deadline - self._clock.monotonic()
            if left_seconds <= 0:
                break
            try:
                more = await self._wait_for_some(min(batch_size - len(messages), _RECEIVE_MAX_COUNT), at_most_seconds=left_seconds)
            except AwsCallFailed:
                break  # what is there is there
            except asyncio.CancelledError:
                if not stopping.is_set():
                    raise
                break
            messages += more
            size_bytes += sum(len(message.content) for message in more)
        return messages

    async def delete(self, messages: Sequence[QueueMessage]) -> None:
        """Messages that are done. Errors of AWS calls when it does not work after some tries."""
        for start in range(0, len(messages), _RECEIVE_MAX_COUNT):
            await self._delete_some(messages[start : start + _RECEIVE_MAX_COUNT])

    async def _delete_some(self, messages: Sequence[QueueMessage]) -> None:
        entries = [{"Id": str(index), "ReceiptHandle": message.receipt_handle} for index, message in enumerate(messages)]
        for tries_left in reversed(range(_DELETE_TRIES)):
            try:
                answer = await self._call("DeleteMessageBatch", {"Entries": entries})
            except AwsCallFailed as error:
                if not tries_left or not error.is_worth_retrying:
                    raise
            else:
                # Who is to blame for itself (`SenderFault`, an old receipt) stays so.
                again = {failed["Id"] for failed in answer.get("Failed", ()) if not failed.get("SenderFault")}
                entries = [entry for entry in entries if entry["Id"] in again]
                if not entries:
                    return
            await asyncio.sleep(_DELETE_PAUSE_SECONDS)
        raise AwsCallFailed(f"{len(entries)} messages could not be deleted")

    async def _wait_for_some(self, count: int, *, at_most_seconds: float | None = None) -> list[QueueMessage]:
        if self._polls_long:
            seconds = _LONG_POLL_SECONDS if at_most_seconds is None else min(int(at_most_seconds) + 1, _LONG_POLL_SECONDS)
            return await self._receive(count, wait_seconds=seconds)
        self._watch.begin()
        messages = await self._receive(count, wait_seconds=0)
        if messages:
            return messages
        await self._watch.wait(_LOOK_SECONDS if at_most_seconds is None else min(_LOOK_SECONDS, at_most_seconds))
        return []

    async def _receive(self, count: int, *, wait_seconds: int) -> list[QueueMessage]:
        answer = await self._call(
            "ReceiveMessage",
            {
                "MaxNumberOfMessages": count,
                "WaitTimeSeconds": wait_seconds,
                "MessageSystemAttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            },
            is_long_poll=wait_seconds > 0,
        )
        received_at = self._clock.monotonic()
        raw: list[dict[str, Any]] = answer.get("Messages", [])
        return [message_of(each, queue_arn=self._arn, region=self._scope.region, received_at=received_at) for each in raw]

    async def _call(self, operation: str, parameters: dict[str, Any], *, is_long_poll: bool = False) -> dict[str, Any]:
        parameters = {"QueueUrl": self._url, **parameters}
        return await self._services.call("sqs", operation, parameters, scope=self._scope, is_long_poll=is_long_poll)
