"""What is known of a consumer group from the outside: the partitions it reads, how far it is, and where it begins.

A group that has committed offsets goes on from them, whatever the mapping says. Source:
https://docs.aws.amazon.com/lambda/latest/dg/kafka-starting-positions.html and kafka-consumer-group-id.html.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from alonzo.model.event_source_mapping import MappingSettings
from alonzo.sources.errors import SourceProblem
from alonzo.sources.kafka.cluster import NOT_AUTHORIZED

_TOPIC_AUTHORIZATION_FAILED = 29
"""Source: https://kafka.apache.org/protocol#protocol_error_codes."""


class GroupView:
    """Of one group; no member of it. Made by `open`."""

    def __init__(self, *, group: str, topics: Sequence[str], admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        self._group = group
        self._topics = topics
        self._admin = admin
        self._consumer = consumer

    @classmethod
    async def open(cls, *, group: str, topics: Sequence[str], options: Mapping[str, Any]) -> "GroupView":
        """Connect. Errors: the client's."""
        admin = AIOKafkaAdminClient(**options)
        consumer = AIOKafkaConsumer(group_id=group, enable_auto_commit=False, **options)
        view = cls(group=group, topics=topics, admin=admin, consumer=consumer)
        try:
            await admin.start()
            await consumer.start()
        except BaseException:
            await view.aclose()
            raise
        return view

    async def aclose(self) -> None:
        """Disconnect."""
        await self._admin.close()
        await self._consumer.stop()

    async def partitions(self) -> list[TopicPartition]:
        """All partitions of the topics. `SourceProblem` for a topic that cannot be read; the client's errors."""
        found = []
        for topic in await self._admin.describe_topics(list(self._topics)):
            if topic["error_code"]:
                denied = topic["error_code"] == _TOPIC_AUTHORIZATION_FAILED
                raise SourceProblem(NOT_AUTHORIZED if denied else f"Topic {topic['topic']} does not exist")
            found += [TopicPartition(topic["topic"], partition["partition"]) for partition in topic["partitions"]]
        return sorted(found)

    async def lags(self, partitions: Sequence[TopicPartition]) -> list[int]:
        """How many records the group has still to read, partition by partition. The client's errors."""
        ends = await self._consumer.end_offsets(partitions)
        beginnings = await self._consumer.beginning_offsets(partitions)
        committed = await self._admin.list_consumer_group_offsets(self._group, partitions=list(partitions))
        return [max(0, ends[place] - max(beginnings[place], committed[place].offset if place in committed else 0)) for place in partitions]

    async def begin(self, partitions: Sequence[TopicPartition], settings: MappingSettings) -> None:
        """Commit where a new group begins, in all partitions at once, before anybody joins it. The client's errors.

        Without that, what arrives between two first tries to read would be lost. Partitions of a later day are read from their beginning.
        """
        if settings.starting_position not in ("LATEST", "AT_TIMESTAMP"):
            return
        for partition in partitions:
            if await self._consumer.committed(partition) is not None:
                return
        self._consumer.assign(partitions)
        await self._consumer.commit(await self._starts(partitions, settings))
        self._consumer.unsubscribe()

    async def _starts(self, partitions: Sequence[TopicPartition], settings: MappingSettings) -> dict[TopicPartition, int]:
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(partitions)
        if settings.starting_position == "LATEST":
            return ends
        found = await self._consumer.offsets_for_times(dict.fromkeys(partitions, settings.starting_position_unix_ms or 0))
        # Where nothing is as new as that, reading begins with what comes.
        return {place: ends[place] if at is None else at.offset for place, at in found.items()}
