"""Event source mappings in botocore's words: from parameters to settings, and from mappings to answers as AWS fills them in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from alonzo.event_sources.errors import InvalidMapping
from alonzo.model.event_source_mapping import (
    DocumentDbSource,
    EventSourceMapping,
    FailureDestination,
    KafkaConsumer,
    MappingSettings,
    ProvisionedPollers,
    ScalingLimit,
    SchemaRegistry,
    SourceAccess,
)

Parameters = Mapping[str, Any]
Members = dict[str, Any]

_BOOTSTRAP_SERVERS = "KAFKA_BOOTSTRAP_SERVERS"


def settings_of(parameters: Parameters) -> MappingSettings:
    """What CreateEventSourceMapping or UpdateEventSourceMapping says of a mapping. `InvalidMapping`."""
    starts_at: datetime | None = parameters.get("StartingPositionTimestamp")
    return MappingSettings(
        batch_size=parameters.get("BatchSize"),
        maximum_batching_window_seconds=parameters.get("MaximumBatchingWindowInSeconds"),
        starting_position=parameters.get("StartingPosition"),
        starting_position_unix_ms=None if starts_at is None else round(starts_at.timestamp() * 1000),
        parallelization_factor=parameters.get("ParallelizationFactor"),
        bisect_batch_on_function_error=parameters.get("BisectBatchOnFunctionError"),
        maximum_record_age_seconds=parameters.get("MaximumRecordAgeInSeconds"),
        maximum_retry_attempts=parameters.get("MaximumRetryAttempts"),
        tumbling_window_seconds=parameters.get("TumblingWindowInSeconds"),
        filters=_filters(parameters.get("FilterCriteria")),
        kms_key_arn=parameters.get("KMSKeyArn"),
        function_response_types=_tuple(parameters.get("FunctionResponseTypes")),
        failure_destination=_failure_destination(parameters.get("DestinationConfig")),
        topics=_tuple(parameters.get("Topics")),
        queues=_tuple(parameters.get("Queues")),
        source_access=_source_access(parameters.get("SourceAccessConfigurations")),
        bootstrap_servers=_bootstrap_servers(parameters.get("SelfManagedEventSource")),
        managed_kafka=_kafka_consumer(parameters.get("AmazonManagedKafkaEventSourceConfig")),
        self_managed_kafka=_kafka_consumer(parameters.get("SelfManagedKafkaEventSourceConfig")),
        document_db=_document_db(parameters.get("DocumentDBEventSourceConfig")),
        scaling=_scaling(parameters.get("ScalingConfig")),
        provisioned_pollers=_pollers(parameters.get("ProvisionedPollerConfig")),
        metrics=_member_tuple(parameters.get("MetricsConfig"), "Metrics"),
        system_log_level=(parameters.get("LoggingConfig") or {}).get("SystemLogLevel"),
    )


def mapping_members(mapping: EventSourceMapping) -> Members:
    """A mapping as AWS shows it: what its kind of source does not have is left out."""
    settings = mapping.settings
    starts_at = settings.starting_position_unix_ms
    return {
        "UUID": mapping.uuid,
        "EventSourceMappingArn": mapping.arn,
        "EventSourceArn": mapping.event_source_arn,
        "FunctionArn": mapping.function_arn,
        "State": mapping.state.value,
        "StateTransitionReason": mapping.state_transition_reason,
        "LastProcessingResult": mapping.last_processing_result,
        "LastModified": _instant(mapping.last_modified_unix_ms),
        "BatchSize": settings.batch_size,
        "MaximumBatchingWindowInSeconds": settings.maximum_batching_window_seconds,
        "StartingPosition": settings.starting_position,
        "StartingPositionTimestamp": None if starts_at is None else _instant(starts_at),
        "ParallelizationFactor": settings.parallelization_factor,
        "BisectBatchOnFunctionError": settings.bisect_batch_on_function_error,
        "MaximumRecordAgeInSeconds": settings.maximum_record_age_seconds,
        "MaximumRetryAttempts": settings.maximum_retry_attempts,
        "TumblingWindowInSeconds": settings.tumbling_window_seconds,
        "FilterCriteria": {"Filters": [{"Pattern": text} for text in settings.filters]} if settings.filters else None,
        "KMSKeyArn": settings.kms_key_arn or None,
        "FunctionResponseTypes": _list(settings.function_response_types),
        "Topics": _list(settings.topics),
        "Queues": _list(settings.queues),
        "MetricsConfig": None if settings.metrics is None else {"Metrics": list(settings.metrics)},
        "LoggingConfig": None if settings.system_log_level is None else {"SystemLogLevel": settings.system_log_level},
        **_source_members(settings),
        **_structure_members(settings),
    }


def _source_members(settings: MappingSettings) -> Members:
    access, servers = settings.source_access, settings.bootstrap_servers
    document_db = settings.document_db
    return {
        "SourceAccessConfigurations": None if access is None else [{"Type": each.type, "URI": each.uri} for each in access],
        "SelfManagedEventSource": None if servers is None else {"Endpoints": {_BOOTSTRAP_SERVERS: list(servers)}},
        "AmazonManagedKafkaEventSourceConfig": _consumer_members(settings.managed_kafka),
        "SelfManagedKafkaEventSourceConfig": _consumer_members(settings.self_managed_kafka),
        "DocumentDBEventSourceConfig": None
        if document_db is None
        else {
            "DatabaseName": document_db.database_name,
            "CollectionName": document_db.collection_name,
            "FullDocument": document_db.full_document,
        },
    }


def _structure_members(settings: MappingSettings) -> Members:
    to, pollers, scaling = settings.failure_destination, settings.provisioned_pollers, settings.scaling
    limit = None if scaling is None else scaling.maximum_concurrency
    return {
        "DestinationConfig": None if to is None else {"OnFailure": {"Destination": to.arn}},
        "ScalingConfig": None if limit is None else {"MaximumConcurrency": limit},
        "ProvisionedPollerConfig": None
        if pollers is None
        else {"MinimumPollers": pollers.minimum, "MaximumPollers": pollers.maximum, "PollerGroupName": pollers.group_name},
    }


def _consumer_members(consumer: KafkaConsumer | None) -> Members | None:
    if consumer is None:
        return None
    registry = consumer.schema_registry
    return {
        "ConsumerGroupId": consumer.consumer_group_id,
        "SchemaRegistryConfig": None
        if registry is None
        else {
            "SchemaRegistryURI": registry.uri,
            "EventRecordFormat": registry.event_record_format,
            "AccessConfigs": [{"Type": each.type, "URI": each.uri} for each in registry.access] or None,
            "SchemaValidationConfigs": [{"Attribute": attribute} for attribute in registry.validated_attributes] or None,
        },
    }


def _instant(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


def _list(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _member_tuple(structure: Parameters | None, member: str) -> tuple[Any, ...] | None:
    return None if structure is None else tuple(structure.get(member) or ())


def _filters(criteria: Parameters | None) -> tuple[str, ...] | None:
    """A filter without a pattern is one that cannot be parsed."""
    return None if criteria is None else tuple(each.get("Pattern") or "" for each in criteria.get("Filters") or ())


def _failure_destination(config: Parameters | None) -> FailureDestination | None:
    if config is None:
        return None
    if config.get("OnSuccess"):
        raise InvalidMapping("Unsupported DestinationConfig parameter for given event source mapping type.")
    return FailureDestination((config.get("OnFailure") or {}).get("Destination") or None)


def _source_access(configurations: list[Parameters] | None) -> tuple[SourceAccess, ...] | None:
    return None if configurations is None else tuple(SourceAccess(each.get("Type"), each.get("URI")) for each in configurations)


def _bootstrap_servers(source: Parameters | None) -> tuple[str, ...] | None:
    return None if source is None else tuple((source.get("Endpoints") or {}).get(_BOOTSTRAP_SERVERS) or ())


def _kafka_consumer(config: Parameters | None) -> KafkaConsumer | None:
    if config is None:
        return None
    registry = config.get("SchemaRegistryConfig")
    return KafkaConsumer(
        consumer_group_id=config.get("ConsumerGroupId"),
        consumption_mode=config.get("ConsumptionMode"),
        schema_registry=None
        if registry is None
        else SchemaRegistry(
            uri=registry.get("SchemaRegistryURI"),
            event_record_format=registry.get("EventRecordFormat"),
            access=_source_access(registry.get("AccessConfigs")) or (),
            validated_attributes=tuple(each.get("Attribute") for each in registry.get("SchemaValidationConfigs") or ()),
        ),
    )


def _document_db(config: Parameters | None) -> DocumentDbSource | None:
    if config is None:
        return None
    return DocumentDbSource(
        database_name=config.get("DatabaseName"),
        collection_name=config.get("CollectionName"),
        full_document=config.get("FullDocument"),
    )


def _scaling(config: Parameters | None) -> ScalingLimit | None:
    return None if config is None else ScalingLimit(config.get("MaximumConcurrency"))


def _pollers(config: Parameters | None) -> ProvisionedPollers | None:
    if config is None:
        return None
    return ProvisionedPollers(
        minimum=config.get("MinimumPollers"), maximum=config.get("MaximumPollers"), group_name=config.get("PollerGroupName")
    )
