"""Kafka, managed by AWS or not, as a source: its units are the members of one consumer group."""

from collections.abc import Sequence

from aiokafka.errors import KafkaError

from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.kafka.cluster import KafkaCluster, open_cluster
from alonzo.sources.kafka.poller import KafkaPoller, group_of
from alonzo.sources.kafka.positions import GroupView
from alonzo.sources.kafka.scaling import PollerCount
from alonzo.sources.kafka.schemas.validation import SchemaValidation, open_validation
from alonzo.sources.source import PolledUnit, PollerKit, Unit

_LOOK_SECONDS = 10.0
"""AWS looks once a minute."""


async def open_source(mapping: EventSourceMapping, kit: PollerKit) -> "KafkaSource":
    """As `SourceOpener`."""
    cluster = await open_cluster(mapping, kit)
    try:
        view = await GroupView.open(group=group_of(mapping), topics=mapping.settings.topics or (), options=cluster.options)
    except KafkaError as error:
        raise await cluster.problem(error) from error
    try:
        validation = await open_validation(mapping, kit)
    except BaseException:
        await view.aclose()
        raise
    return KafkaSource(mapping=mapping, cluster=cluster, view=view, validation=validation, kit=kit)


class KafkaSource:
    """A `Source`."""

    def __init__(
        self, *, mapping: EventSourceMapping, cluster: KafkaCluster, view: GroupView, validation: SchemaValidation | None, kit: PollerKit
    ) -> None:
        self._mapping = mapping
        self._cluster = cluster
        self._view = view
        self._validation = validation
        self._kit = kit
        settings = mapping.settings
        self._count = PollerCount(provisioned=settings.provisioned_pollers, batch_size=settings.batch_size or 1)
        self._has_begun = False
        self._units: Sequence[Unit] = ()
        self._look_at = 0.0

    async def list_units(self) -> Sequence[Unit]:
        """As the protocol says: pollers by number, so many as the backlog asks for."""
        now = self._kit.clock.monotonic()
        if now < self._look_at:
            return self._units
        try:
            partitions = await self._view.partitions()
            if not self._has_begun:
                await self._view.begin(partitions, self._mapping.settings)
                self._has_begun = True
            lags = await self._view.lags(partitions)
        except KafkaError as error:
            raise await self._cluster.problem(error) from error
        self._kit.metrics.offset_lag(total=sum(lags), largest=max(lags, default=0))
        count = self._count.look(partitions=len(partitions), lag=sum(lags))
        self._units = [Unit(f"poller-{number}") for number in range(count)]
        self._look_at = now + _LOOK_SECONDS
        return self._units

    async def poll(self, unit: PolledUnit) -> None:
        """As the protocol says."""
        try:
            await KafkaPoller(mapping=self._mapping, cluster=self._cluster, validation=self._validation, kit=self._kit, unit=unit).run()
        except KafkaError as error:
            raise await self._cluster.problem(error) from error

    async def aclose(self) -> None:
        """As the protocol says."""
        if self._validation is not None:
            await self._validation.aclose()
        await self._view.aclose()
