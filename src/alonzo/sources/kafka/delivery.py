"""What becomes of a batch: to the function until it has gone through, or until its records are given up.

Source: https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html. Order holds within a partition: no record is
sent before those ahead of it have gone through or are given up, but that a function may name single ones that have failed.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from alonzo.invoke.destinations.retries import RetriesStopped
from alonzo.model import quotas
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.backoff import Backoff
from alonzo.sources.batches import fitting
from alonzo.sources.failures import Condition, GivenUp
from alonzo.sources.invoking import BatchAnswer
from alonzo.sources.kafka.records import KafkaEnvelope, KafkaRecord
from alonzo.sources.processing_results import OK
from alonzo.sources.responses import REPORTS_FAILURES, read_failures
from alonzo.sources.source import FUNCTION_FAILED, PollerKit

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 30.0
_RETRIES_BEFORE_DESTINATION = 10
"""Of mappings that would try for ever and have somebody to tell. Source: the page above."""
_KAFKA_SCHEME = "kafka://"
"""Of a destination that is a topic of the same cluster."""
_EXHAUSTED_IN_TOPICS = "RetriesExhausted"
"""As other destinations but queues, topics of SNS and buckets have it. Source: kafka-on-failure-destination.html."""

Progress = Callable[[Sequence[KafkaRecord]], Coroutine[Any, Any, None]]
"""Told which records are left to do, whenever some have been done."""
TopicDestination = Callable[[str, KafkaRecord, bytes], Coroutine[Any, Any, None]]
"""Writes what is told of a record into a topic."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Records that go to the function together. `calls`: how often it has failed on them."""

    records: Sequence[KafkaRecord]
    calls: int = 0
    answer: BatchAnswer | None = None


class BatchDelivery:
    """Of one poller."""

    def __init__(self, *, mapping: EventSourceMapping, envelope: KafkaEnvelope, kit: PollerKit, write_to_topic: TopicDestination) -> None:
        settings = mapping.settings
        self._envelope = envelope
        self._kit = kit
        self._write_to_topic = write_to_topic
        self._bisects = bool(settings.bisect_batch_on_function_error)
        self._reads_failures = REPORTS_FAILURES in (settings.function_response_types or ())
        age_seconds = settings.maximum_record_age_seconds
        self._age_max_ms = None if age_seconds is None or age_seconds < 0 else age_seconds * 1000
        retries = settings.maximum_retry_attempts
        if retries is None or retries < 0:
            retries = None if kit.failures.destination is None else _RETRIES_BEFORE_DESTINATION
        self._retries_max = retries

    async def deliver(self, records: Sequence[KafkaRecord], *, interrupted: asyncio.Event, progress: Progress) -> bool:
        """False when it was interrupted before all were done. The errors of `progress` and of a topic that is the destination."""
        try:
            return await self._deliver(records, interrupted, progress)
        except RetriesStopped:
            return False  # the node stops: the destination is told after its next start

    async def reject(self, records: Sequence[KafkaRecord], condition: Condition) -> bool:
        """Give up records that the function is not to see. False when the node stops before the destination was told."""
        try:
            await self._give_up(_Part(records), condition)
        except RetriesStopped:
            return False
        return True

    async def _deliver(self, records: Sequence[KafkaRecord], interrupted: asyncio.Event, progress: Progress) -> bool:
        parts = [_Part(part) for part in fitting(records, _size_bytes)]
        backoff = Backoff(first_seconds=_FIRST_PAUSE_SECONDS, longest_seconds=_LONGEST_PAUSE_SECONDS)
        while parts:
            part = await self._without_aged(parts.pop(0))
            rest = await self._run(part, interrupted)
            if rest is None:
                return False
            parts[:0] = rest
            await progress([record for each in parts for record in each.records])
            if not rest:
                backoff.reset()
            elif rest[0].calls > part.calls and not await backoff.pause(interrupted):
                return False
        return True

    async def _run(self, part: _Part, interrupted: asyncio.Event) -> list[_Part] | None:
        """What is left to do of a part afterwards; None if it was interrupted before the function has seen it."""
        if not part.records:
            return []
        event = self._envelope.event(part.records)
        if len(event) > quotas.PAYLOAD_SYNC_MAX_BYTES:
            await self._give_up(part, Condition.PAYLOAD_SIZE_EXCEEDED)
            return []
        until = None if self._age_max_ms is None else min(record.timestamp_ms for record in part.records) + self._age_max_ms
        answer = await self._kit.invoker.insist(event, stopping=interrupted, report=self._note_failure, until_unix_ms=until)
        if answer is None:
            return None if interrupted.is_set() else [part]  # a record has become too old meanwhile
        self._kit.metrics.invoked(len(part.records))
        self._kit.log.debug("Function was invoked", requestId=answer.request_id, recordCount=len(part.records))
        return await self._after(part, answer)

    async def _after(self, part: _Part, answer: BatchAnswer) -> list[_Part]:
        """What is left to do of a part that the function has seen."""
        failed = self._failed(part.records, answer)
        if not failed:
            self._kit.report(OK)
            return []
        self._note_failure(FUNCTION_FAILED)
        self._kit.metrics.failed(len(failed))
        middle = len(failed) // 2
        if self._bisects and middle and len(failed) == len(part.records):
            # To split a batch is no retry of it.
            return [_Part(half, part.calls, answer) for half in (failed[:middle], failed[middle:])]
        left = _Part(failed, part.calls + 1, answer)
        if self._retries_max is not None and left.calls > self._retries_max:
            await self._give_up(left, Condition.RETRY_ATTEMPTS_EXHAUSTED)
            return []
        return [left]

    def _note_failure(self, result: str) -> None:
        self._kit.report(result)
        self._kit.metrics.invocation_failed()

    def _failed(self, records: Sequence[KafkaRecord], answer: BatchAnswer) -> Sequence[KafkaRecord]:
        if answer.has_failed:
            return records
        named = read_failures(answer.result.payload, _finder(records)) if self._reads_failures else []
        if named is None:
            return records
        places = {(record.place, record.offset) for record in named}
        return [record for record in records if (record.place, record.offset) in places]

    async def _without_aged(self, part: _Part) -> _Part:
        if self._age_max_ms is None:
            return part
        oldest = self._kit.clock.unix_ms() - self._age_max_ms
        aged = [record for record in part.records if record.timestamp_ms <= oldest]
        if not aged:
            return part
        await self._give_up(replace(part, records=aged), Condition.RECORD_AGE_EXCEEDED)
        return replace(part, records=[record for record in part.records if record.timestamp_ms > oldest])

    async def _give_up(self, part: _Part, condition: Condition) -> None:
        destination = self._kit.failures.destination or ""
        self._kit.log.warn("Records were given up", condition=condition.value, recordCount=len(part.records))
        if destination.startswith(_KAFKA_SCHEME):
            for record in part.records:
                await self._write_to_topic(destination.removeprefix(_KAFKA_SCHEME), record, self._told_of_one(part, record, condition))
        else:
            event = self._envelope.event(part.records)
            await self._kit.failures.deliver(self._given_up(part, condition, self._envelope.batch_info(part.records, len(event)), event))

    def _told_of_one(self, part: _Part, record: KafkaRecord, condition: Condition) -> bytes:
        event = self._envelope.event([record])
        given_up = self._given_up(part, condition, self._envelope.record_info(record, len(event)), event)
        told = msgspec.json.decode(self._kit.failures.record_of(given_up, now_unix_ms=self._kit.clock.unix_ms(), with_payload=False))
        if condition is Condition.RETRY_ATTEMPTS_EXHAUSTED:
            told["requestContext"]["condition"] = _EXHAUSTED_IN_TOPICS
        return msgspec.json.encode(told | {"payload": msgspec.Raw(event)})

    def _given_up(self, part: _Part, condition: Condition, info: dict[str, Any], event: bytes) -> GivenUp:
        return GivenUp(
            condition=condition,
            invoke_count=part.calls,
            answer=part.answer,
            source_info_name="KafkaBatchInfo",
            source_info=info,
            place=part.records[0].place,
            event=event,
            record_count=len(part.records),
        )


def _size_bytes(record: KafkaRecord) -> int:
    return len(record.encoded) + len(record.place) + 1


def _finder(records: Sequence[KafkaRecord]) -> Callable[[Any], KafkaRecord | None]:
    """Finds a record by its identifier, an object. AWS's page calls the partition `topic-partition`, libraries call it `partition`."""
    known = {(record.place, record.offset): record for record in records}

    def find(identifier: Any) -> KafkaRecord | None:
        if not isinstance(identifier, dict):
            return None
        place, offset = identifier.get("topic-partition", identifier.get("partition")), identifier.get("offset")
        return known.get((place, offset)) if isinstance(place, str) and isinstance(offset, int) else None

    return find
