"""Event source mappings: what the operations on them do.

One record a mapping, keyed by account, region and UUID. A mapping outlives its function, as on AWS. Whether the source is there is not
asked: that is for whoever polls it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from alonzo.clock import Clock
from alonzo.event_sources import states
from alonzo.event_sources.errors import FiltersUnreadable, InvalidMapping, MappingExists, MappingNotFound
from alonzo.event_sources.filter_sealing import FilterSealing
from alonzo.event_sources.source_kinds import kind_of, recognize_source
from alonzo.event_sources.validation import check_required, check_settings, check_together
from alonzo.ids import new_uuid
from alonzo.model import quotas
from alonzo.model.event_source_mapping import (
    EventSource,
    EventSourceMapping,
    KafkaConsumer,
    MappingSettings,
    MappingState,
    ProvisionedPollers,
    SchemaRegistry,
    mapping_arn,
)
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict
from alonzo.store.record_index import Versioned
from alonzo.store.records import RecordTable

MappingChanger = Callable[[EventSourceMapping], Awaitable[EventSourceMapping]]
TagChange = Callable[[Mapping[str, str]], dict[str, str]]


FunctionExists = Callable[[FunctionReference], bool]
"""Whether there is such a function, version or alias."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMapping:
    """What CreateEventSourceMapping says."""

    function: FunctionReference
    event_source_arn: str | None
    settings: MappingSettings
    enabled: bool = True
    tags: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingChange:
    """What UpdateEventSourceMapping says. None leaves as it is."""

    function: FunctionReference | None = None
    settings: MappingSettings
    enabled: bool | None = None


class EventSourceMappings:
    """The mappings of all accounts. Writes raise the store's errors, too."""

    def __init__(
        self, *, records: RecordTable[EventSourceMapping], function_exists: FunctionExists, sealing: FilterSealing, clock: Clock
    ) -> None:
        self._records = records
        self._function_exists = function_exists
        self._sealing = sealing
        self._clock = clock
        self._turn = asyncio.Lock()  # of what must find no other mapping like it

    def get(self, scope: Scope, uuid: str) -> EventSourceMapping:
        """`MappingNotFound`."""
        return self._get_versioned(scope, uuid).value

    async def read_filters(self, mapping: EventSourceMapping) -> EventSourceMapping:
        """The mapping with its filters as they are, whatever they are kept as. `FiltersUnreadable`."""
        return await self._sealing.unseal(mapping)

    def iter_mappings(
        self, scope: Scope, *, function: FunctionReference | None = None, event_source_arn: str | None = None
    ) -> Iterator[EventSourceMapping]:
        """The mappings of an account in a region by UUID: all, those to a function (with this very qualifier), those of a source."""
        for _, mapping in self._records.iter_prefix((scope.account_id, scope.region)):
            if function is not None and mapping.function_arn != function.arn:
                continue
            if event_source_arn is None or mapping.event_source_arn == event_source_arn:
                yield mapping

    async def create(self, new: NewMapping) -> EventSourceMapping:
        """Map a source to a function; the mapping is `Creating` then. `InvalidMapping`, `MappingExists`."""
        said = new.settings
        source = recognize_source(new.event_source_arn, has_bootstrap_servers=bool(said.bootstrap_servers))
        check_settings(source, said)
        check_required(source, new.event_source_arn, said)
        self._check_starting_instant(said)
        scope, uuid, kind = new.function.scope, new_uuid(), kind_of(source)
        settings = _completed(source, _merged(kind.defaults, said), uuid)
        check_together(source, settings)
        self._check_function(new.function)
        mapping = EventSourceMapping(
            scope=scope,
            uuid=uuid,
            source=source,
            event_source_arn=new.event_source_arn,
            function_name=new.function.name,
            qualifier=new.function.qualifier,
            settings=settings,
            enabled=new.enabled,
            state=MappingState.CREATING,
            state_transition_reason=kind.transition_reason,
            last_processing_result=kind.processing_result,
            last_modified_unix_ms=self._clock.unix_ms(),
            tags=new.tags or {},
        )
        mapping = await self._sealed(mapping)
        async with self._turn:
            self._check_beside_others(mapping)
            await self._records.create(_key(scope, uuid), mapping)
        return mapping

    async def update(self, scope: Scope, uuid: str, change: MappingChange) -> EventSourceMapping:
        """Change a mapping. `MappingNotFound`, `MappingInUse`, `InvalidMapping`, `MappingExists`."""
        return await self._replace(scope, uuid, lambda before: self._changed(before, change))

    async def delete(self, scope: Scope, uuid: str) -> EventSourceMapping:
        """The mapping is `Deleting` then. `MappingNotFound`, `MappingInUse`."""

        async def deleted(before: EventSourceMapping) -> EventSourceMapping:
            return states.deleted(before, now_unix_ms=self._clock.unix_ms())

        return await self._replace(scope, uuid, deleted)

    async def _changed(self, before: EventSourceMapping, change: MappingChange) -> EventSourceMapping:
        said = change.settings
        check_settings(before.source, said)
        _check_consumer_group(before.settings, said)
        if said.filters is not None:
            before = msgspec.structs.replace(before, sealed_filters=None)
        elif said.kms_key_arn is not None or change.function is not None:  # of both the ciphertext knows
            before = await self._unsealed(before)
        settings = _completed(before.source, _merged(before.settings, said), before.uuid)
        check_together(before.source, settings)
        if change.function is not None:
            self._check_function(change.function)
        changed = msgspec.structs.replace(
            states.changed(before, enabled=change.enabled, now_unix_ms=self._clock.unix_ms()),
            settings=settings,
            function_name=before.function_name if change.function is None else change.function.name,
            qualifier=before.qualifier if change.function is None else change.function.qualifier,
        )
        return await self._sealed(changed)

    async def _sealed(self, mapping: EventSourceMapping) -> EventSourceMapping:
        try:
            return await self._sealing.seal(mapping)
        except FiltersUnreadable as error:
            raise InvalidMapping(f"The filter criteria cannot be encrypted with the KMS key: {error}") from error

    async def _unsealed(self, mapping: EventSourceMapping) -> EventSourceMapping:
        try:
            return await self._sealing.unseal(mapping)
        except FiltersUnreadable as error:
            raise InvalidMapping(f"The filter criteria cannot be decrypted with the KMS key: {error}") from error

    def find_tags(self, arn: str, caller: Scope) -> Mapping[str, str] | None:
        """As a `TaggedResource`."""
        mapping = self._records.find(_key_of(arn, caller))
        return None if mapping is None else mapping.tags

    async def change_tags(self, arn: str, caller: Scope, change: TagChange) -> bool:
        """As a `TaggedResource`."""
        key = _key_of(arn, caller)
        while (record := self._records.get_versioned(key)) is not None:
            tags = change(record.value.tags)
            try:
                await self._records.update(key, msgspec.structs.replace(record.value, tags=tags), revision=record.revision)
            except RecordConflict:
                continue
            return True
        return False

    def _get_versioned(self, scope: Scope, uuid: str) -> Versioned[EventSourceMapping]:
        record = self._records.get_versioned(_key(scope, uuid))
        if record is None:
            raise MappingNotFound
        return record

    async def _replace(self, scope: Scope, uuid: str, change: MappingChanger) -> EventSourceMapping:
        """Until nobody else was faster: pollers write what came of the last batch. Who has the mapping move is seen by the next look."""
        while True:
            record = self._get_versioned(scope, uuid)
            mapping = await change(record.value)
            async with self._turn:
                if mapping.state is not MappingState.DELETING:
                    self._check_beside_others(mapping)
                try:
                    await self._records.update(_key(scope, uuid), mapping, revision=record.revision)
                except RecordConflict:
                    continue
            return mapping

    def _check_function(self, reference: FunctionReference) -> None:
        if not self._function_exists(reference):
            raise InvalidMapping("Function does not exist")

    def _check_starting_instant(self, said: MappingSettings) -> None:
        if said.starting_position_unix_ms is not None and said.starting_position_unix_ms > self._clock.unix_ms():
            raise InvalidMapping("StartingPositionTimestamp cannot be in the future.")

    def _check_beside_others(self, mapping: EventSourceMapping) -> None:
        self._check_unique(mapping)
        self._check_poller_group(mapping)

    def _check_poller_group(self, mapping: EventSourceMapping) -> None:
        """Source: botocore, `ProvisionedPollerConfig` (`PollerGroupName`); the words are ours."""
        pollers = mapping.settings.provisioned_pollers
        if pollers is None or not pollers.group_name:
            return
        members = [pollers]
        for other in self.iter_mappings(mapping.scope):
            theirs = other.settings.provisioned_pollers
            if other.uuid != mapping.uuid and theirs is not None and theirs.group_name == pollers.group_name:
                members.append(theirs)
        if len(members) > quotas.POLLER_GROUP_MAPPINGS_MAX:
            raise InvalidMapping(f"A poller group can have up to {quotas.POLLER_GROUP_MAPPINGS_MAX} event source mappings.")
        if sum(member.maximum or 0 for member in members) > quotas.POLLER_GROUP_POLLERS_MAX:
            raise InvalidMapping(f"MaximumPollers of a poller group cannot exceed {quotas.POLLER_GROUP_POLLERS_MAX} in total.")

    def _check_unique(self, mapping: EventSourceMapping) -> None:
        function = FunctionReference(mapping.scope, mapping.function_name, mapping.qualifier)
        for other in self.iter_mappings(mapping.scope, function=function):
            if other.uuid != mapping.uuid and other.state is not MappingState.DELETING and _overlap(mapping, other):
                raise MappingExists(_conflict(mapping, other))


def _merged(before: MappingSettings, said: MappingSettings) -> MappingSettings:
    news = {name: value for name in said.__struct_fields__ if (value := getattr(said, name)) is not None}
    for name in ("managed_kafka", "self_managed_kafka"):
        if (known := getattr(before, name)) is not None and name in news:
            news[name] = _merged_consumer(known, news[name])
    return msgspec.structs.replace(before, **news)


def _merged_consumer(before: KafkaConsumer, said: KafkaConsumer) -> KafkaConsumer:
    """An empty configuration of a registry ends its use."""
    registry = before.schema_registry if said.schema_registry is None else said.schema_registry
    return KafkaConsumer(
        consumer_group_id=before.consumer_group_id if said.consumer_group_id is None else said.consumer_group_id,
        schema_registry=None if registry == SchemaRegistry() else registry,
    )


def _completed(source: EventSource, settings: MappingSettings, uuid: str) -> MappingSettings:
    """With what is left open within settings that consist of several."""
    if source is EventSource.MSK:
        settings = msgspec.structs.replace(settings, managed_kafka=_completed_consumer(settings.managed_kafka, uuid))
    if source is EventSource.SELF_MANAGED_KAFKA:
        settings = msgspec.structs.replace(settings, self_managed_kafka=_completed_consumer(settings.self_managed_kafka, uuid))
    if settings.document_db is not None and settings.document_db.full_document is None:
        document_db = msgspec.structs.replace(settings.document_db, full_document="Default")
        settings = msgspec.structs.replace(settings, document_db=document_db)
    limits, pollers = kind_of(source).pollers, settings.provisioned_pollers
    if limits is not None and pollers is not None and (pollers.minimum is not None or pollers.maximum is not None):
        completed = msgspec.structs.replace(
            pollers,
            minimum=limits.default.minimum if pollers.minimum is None else pollers.minimum,
            maximum=limits.default.maximum if pollers.maximum is None else pollers.maximum,
        )
        settings = msgspec.structs.replace(settings, provisioned_pollers=completed)
    elif pollers == ProvisionedPollers():
        settings = msgspec.structs.replace(settings, provisioned_pollers=None)
    return settings


def _completed_consumer(consumer: KafkaConsumer | None, uuid: str) -> KafkaConsumer:
    """The consumer group of those who name none is called like the mapping: recorded."""
    consumer = consumer or KafkaConsumer()
    return msgspec.structs.replace(consumer, consumer_group_id=consumer.consumer_group_id or uuid)


def _check_consumer_group(before: MappingSettings, said: MappingSettings) -> None:
    """Source: botocore, shape `SelfManagedKafkaEventSourceConfig` ("you cannot update this value")."""
    for known, given in ((before.managed_kafka, said.managed_kafka), (before.self_managed_kafka, said.self_managed_kafka)):
        if known is not None and given is not None and given.consumer_group_id not in (None, known.consumer_group_id):
            raise InvalidMapping("ConsumerGroupId cannot be updated.")


def _overlap(mapping: EventSourceMapping, other: EventSourceMapping) -> bool:
    """Whether two mappings of one function would read the same records."""
    mine, others = mapping.settings, other.settings
    if mapping.event_source_arn != other.event_source_arn:
        return False
    if mapping.event_source_arn is None and not set(mine.bootstrap_servers or ()) & set(others.bootstrap_servers or ()):
        return False
    for here, there in ((mine.topics, others.topics), (mine.queues, others.queues)):
        if here is not None and there is not None and not set(here) & set(there):
            return False
    return mine.document_db is None or others.document_db is None or mine.document_db == others.document_db


def _conflict(mapping: EventSourceMapping, other: EventSourceMapping) -> str:
    """Recorded for Kafka; for queues and streams as users of AWS report it."""
    arn, settings = mapping.event_source_arn, mapping.settings
    ending = f"Please update or delete the existing mapping with UUID {other.uuid}"
    if mapping.source in (EventSource.SQS, EventSource.SQS_FIFO):
        return f'An event source mapping with SQS arn (" {arn} ") and function (" {mapping.function_name} ") already exists. {ending}'
    if mapping.source in (EventSource.KINESIS, EventSource.DYNAMODB_STREAMS, EventSource.DOCUMENT_DB):
        return f'The event source arn (" {arn} ") and function (" {mapping.function_name} ") provided mapping already exists. {ending}'
    sources = ",".join(settings.bootstrap_servers or ()) if arn is None else arn
    what, read = ("queues", settings.queues) if settings.topics is None else ("topics", settings.topics)
    return (
        f'An event source mapping with event source ("{sources}"), function ("{mapping.function_arn}"), '
        f'{what} ("{",".join(read or ())}") already exists. {ending}'
    )


def _key(scope: Scope, uuid: str) -> tuple[str, ...]:
    return scope.account_id, scope.region, uuid


def _key_of(arn: str, caller: Scope) -> tuple[str, ...]:
    return _key(caller, arn.removeprefix(mapping_arn(caller, "")))
