"""One member of a mapping's consumer group: gathers batches from its partitions and commits what has been delivered.

Kafka gives each partition to one member at a time. When members come or go it takes partitions away: what is in hand is finished before,
and what is not is left to whoever gets them, from the last commit on. So order holds within a partition as long as the broker waits.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import ConsumerRecord

from alonzo.errors import AlonzoError
from alonzo.model import quotas
from alonzo.model.event_source_mapping import EventSourceMapping, KafkaConsumer
from alonzo.sources.failures import Condition
from alonzo.sources.filters import RecordFilter
from alonzo.sources.kafka.cluster import KafkaCluster
from alonzo.sources.kafka.delivery import BatchDelivery
from alonzo.sources.kafka.records import KafkaRecord
from alonzo.sources.kafka.schemas.errors import SchemaProblem
from alonzo.sources.kafka.schemas.validation import SchemaValidation
from alonzo.sources.source import PolledUnit, PollerKit

_WINDOW_SECONDS = 0.5
"""Of a mapping that says nothing. Source: https://docs.aws.amazon.com/lambda/latest/dg/msk-esm-parameters.html."""
_LOOK_SECONDS = 1.0
_SESSION_MS, _HEARTBEAT_MS = 10_000, 3_000
"""A member that is gone without a word is noticed after as long; one that comes back under its name before that goes on at once."""
_PATIENCE_MS = 16 * 60_000
"""How long others wait for partitions that are taken from a member while its function runs: as long as one can."""
_DAY_MS = 24 * 3_600_000
_FETCH_WAIT_MS, _METADATA_MS = 5_000, 30_000
_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Gathered:
    """A batch without what is filtered out, and by partition where it began and the offset behind it all."""

    records: Sequence[KafkaRecord]
    rejected: Mapping[Condition, Sequence[KafkaRecord]]
    """Those that are not as their schemas say."""
    starts: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]


class KafkaPoller(ConsumerRebalanceListener):  # type: ignore[misc]  # the client has no types
    """`run` once."""

    def __init__(
        self, *, mapping: EventSourceMapping, cluster: KafkaCluster, validation: SchemaValidation | None, kit: PollerKit, unit: PolledUnit
    ) -> None:
        self._mapping = mapping
        self._validation = validation
        self._cluster = cluster
        self._kit = kit
        self._unit = unit
        self._filter = RecordFilter(mapping.settings.filters)
        self._interrupted = asyncio.Event()
        self._in_hand = asyncio.Lock()
        self._generation = 0
        """Of the assignment: what was gathered under another one is void."""
        self._delivery = BatchDelivery(mapping=mapping, envelope=cluster.envelope, kit=kit, write_to_topic=self._write_to_topic)
        self._producer: AIOKafkaProducer | None = None
        self._consumer = AIOKafkaConsumer(
            group_id=group_of(mapping),
            group_instance_id=f"{mapping.uuid}-{unit.name}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_HEARTBEAT_MS,
            rebalance_timeout_ms=_PATIENCE_MS,
            max_poll_interval_ms=_DAY_MS,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            fetch_max_bytes=quotas.PAYLOAD_SYNC_MAX_BYTES,
            metadata_max_age_ms=_METADATA_MS,
            **cluster.options,
        )
        self._consumer.subscribe(mapping.settings.topics or (), listener=self)

    async def run(self) -> None:
        """Until the unit is to be given up. The client's errors, and those of the destination."""
        problem: Exception | None = None
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch())
            try:
                await _until(self._unit.stopping, self._consumer.start())
                self._kit.log.info("Poller has started", poller=self._unit.name)
                while not self._unit.stopping.is_set():
                    await self._poll_once()
            except Exception as error:  # on its way to whoever has the unit polled; a group would wrap it
                problem = error
            finally:
                watching.cancel()
                await self._stop()
                self._kit.log.info("Poller has stopped", poller=self._unit.name)
        if problem is not None:
            raise problem

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """As the client has it: awaited before the partitions go."""
        self._generation += 1
        self._interrupted.set()
        async with self._in_hand:  # what is in hand has come to an end
            if not self._unit.stopping.is_set():
                self._interrupted.clear()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """As the client has it. It reads on from what has been committed."""
        names = sorted(f"{place.topic}-{place.partition}" for place in assigned)
        self._kit.log.info("Partitions were assigned", poller=self._unit.name, partitions=names)

    async def _watch(self) -> None:
        await self._unit.stopping.wait()
        self._interrupted.set()

    async def _poll_once(self) -> None:
        generation = self._generation
        gathered = await self._gather(generation)
        if generation != self._generation:
            await self._rewind()
        elif gathered.ends and not self._unit.stopping.is_set():
            async with self._in_hand:
                if generation == self._generation:
                    await self._deliver(gathered)

    async def _gather(self, generation: int) -> _Gathered:
        settings, clock = self._mapping.settings, self._kit.clock
        window_seconds = _WINDOW_SECONDS if settings.maximum_batching_window_seconds is None else settings.maximum_batching_window_seconds
        size, room_bytes = settings.batch_size or 1, quotas.PAYLOAD_SYNC_MAX_BYTES
        records: list[KafkaRecord] = []
        rejected: dict[Condition, list[KafkaRecord]] = {}
        starts: dict[TopicPartition, int] = {}
        ends: dict[TopicPartition, int] = {}
        deadline: float | None = None
        while len(records) < size and room_bytes > 0 and generation == self._generation and not self._unit.stopping.is_set():
            wait_seconds = _LOOK_SECONDS if deadline is None else min(deadline - clock.monotonic(), _LOOK_SECONDS)
            if wait_seconds <= 0:
                break
            for place, raw in (
                await self._consumer.getmany(timeout_ms=int(wait_seconds * 1000) + 1, max_records=size - len(records))
            ).items():
                starts.setdefault(place, raw[0].offset)
                ends[place] = raw[-1].offset + 1
                kept = await self._kept(raw, rejected)
                records += kept
                room_bytes -= sum(len(record.encoded) for record in kept)
            if deadline is None and ends:
                deadline = clock.monotonic() + window_seconds
        return _Gathered(records, rejected, starts, ends)

    async def _deliver(self, gathered: _Gathered) -> None:
        is_ours = True
        committed = dict(gathered.starts)

        async def commit(left: Sequence[KafkaRecord]) -> None:
            nonlocal is_ours
            offsets = dict(gathered.ends)
            for record in left:
                place = TopicPartition(record.topic, record.partition)
                offsets[place] = min(offsets[place], record.offset)
            news = {place: offset for place, offset in offsets.items() if committed.get(place) != offset}
            if is_ours and news:
                is_ours = await self._commit(news, count=sum(offset - committed[place] for place, offset in news.items()))
            committed.update(news)

        for condition, records in gathered.rejected.items():
            if not await self._delivery.reject(records, condition):
                return
        if gathered.records:
            await self._delivery.deliver(gathered.records, interrupted=self._interrupted, progress=commit)
        else:
            await commit(())
        if not is_ours:
            await self._rewind()

    async def _commit(self, offsets: Mapping[TopicPartition, int], *, count: int) -> bool:
        try:
            await self._consumer.commit(dict(offsets))
        except (CommitFailedError, IllegalStateError):
            self._kit.metrics.commit_failed()
            return False  # the partitions are somebody else's by now, and so is what was not committed
        self._kit.metrics.committed(count)
        self._kit.log.debug("Offsets were committed", offsets={f"{place.topic}-{place.partition}": at for place, at in offsets.items()})
        return True

    async def _rewind(self) -> None:
        """To what has been committed: what was read beyond it is void."""
        for place in self._consumer.assignment():
            offset = await self._consumer.committed(place)
            if offset is None:
                offset = (await self._consumer.beginning_offsets([place]))[place]
            if place in self._consumer.assignment():
                self._consumer.seek(place, offset)

    async def _kept(self, raw: Sequence[ConsumerRecord], rejected: dict[Condition, list[KafkaRecord]]) -> list[KafkaRecord]:
        self._kit.metrics.polled(len(raw))
        records = [_record_of(each) for each in raw]
        if self._validation is not None:
            records = await self._validated(self._validation, records, rejected)
        if self._filter.is_empty:
            return records
        kept = [record for record in records if self._filter.keeps(record.for_filters())]
        self._kit.metrics.filtered_out(len(records) - len(kept))
        return kept

    async def _validated(
        self, validation: SchemaValidation, records: Sequence[KafkaRecord], rejected: dict[Condition, list[KafkaRecord]]
    ) -> list[KafkaRecord]:
        valid: list[KafkaRecord] = []
        for record in records:
            try:
                valid.append(await validation.read(record))
            except SchemaProblem as error:
                self._kit.metrics.schema_failed()
                self._kit.log.warn(f"Record does not go with its schema: {error}", place=record.place, offset=record.offset)
                rejected.setdefault(error.condition, []).append(record)
            except AlonzoError:
                self._kit.metrics.schema_failed()
                raise
        return valid

    async def _write_to_topic(self, topic: str, record: KafkaRecord, content: bytes) -> None:
        if self._producer is None:
            producer = AIOKafkaProducer(max_request_size=2 * quotas.PAYLOAD_SYNC_MAX_BYTES, **self._cluster.options)
            await producer.start()
            self._producer = producer
        await self._producer.send_and_wait(topic, content, key=record.key)
        self._kit.metrics.told_destination(1)

    async def _stop(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self._consumer.stop()
        if self._producer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._producer.stop()


def group_of(mapping: EventSourceMapping) -> str:
    """The consumer group of a mapping: its UUID if it names none."""
    settings = mapping.settings
    consumer = settings.managed_kafka or settings.self_managed_kafka or KafkaConsumer()
    return consumer.consumer_group_id or mapping.uuid


def _record_of(raw: Any) -> KafkaRecord:
    return KafkaRecord(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        timestamp_ms=raw.timestamp,
        timestamp_type=raw.timestamp_type,
        key=raw.key,
        value=raw.value,
        headers=raw.headers,
    )


async def _until(event: asyncio.Event, work: Awaitable[None]) -> None:
    """Do the work, but no longer than until the event is set."""
    both = (asyncio.ensure_future(work), asyncio.ensure_future(event.wait()))
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if both[0].done():
            both[0].result()
    finally:
        for each in both:
            each.cancel()
        await asyncio.wait(both)
