"""Event source mappings: which function gets the records of which queue, stream, topic or change stream, and how."""

from enum import StrEnum

import msgspec

from alonzo.model import names
from alonzo.model.scope import Scope


class EventSource(StrEnum):
    """The kinds of sources. They differ in what can be said of them. ActiveMQ and RabbitMQ are one: their ARNs do not tell."""

    SQS = "sqs"
    SQS_FIFO = "sqs-fifo"
    KINESIS = "kinesis"
    DYNAMODB_STREAMS = "dynamodb-streams"
    MSK = "msk"
    SELF_MANAGED_KAFKA = "self-managed-kafka"
    MQ = "mq"
    DOCUMENT_DB = "document-db"


class MappingState(StrEnum):
    """Source: botocore, member `State` of `EventSourceMappingConfiguration`."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    UPDATING = "Updating"
    DELETING = "Deleting"


class SourceAccess(msgspec.Struct, frozen=True):
    """A credential, a part of a VPC or a virtual host that the source needs. Source: botocore shape `SourceAccessConfiguration`."""

    type: str | None = None
    uri: str | None = None


class SchemaRegistry(msgspec.Struct, frozen=True, kw_only=True):
    """Where the schemas of Kafka records are. Source: botocore shape `KafkaSchemaRegistryConfig`."""

    uri: str | None = None
    event_record_format: str | None = None
    access: tuple[SourceAccess, ...] = ()
    validated_attributes: tuple[str, ...] = ()


class KafkaConsumer(msgspec.Struct, frozen=True, kw_only=True):
    """How records of Kafka are consumed. Source: botocore shape `SelfManagedKafkaEventSourceConfig`."""

    consumer_group_id: str | None = None
    schema_registry: SchemaRegistry | None = None
    consumption_mode: str | None = None


class DocumentDbSource(msgspec.Struct, frozen=True, kw_only=True):
    """What of a DocumentDB cluster is read. Source: botocore shape `DocumentDBEventSourceConfig`."""

    database_name: str | None = None
    collection_name: str | None = None
    full_document: str | None = None


class ProvisionedPollers(msgspec.Struct, frozen=True, kw_only=True):
    """How many pollers are kept ready. Nothing set: none, which is what ends the provisioned mode."""

    minimum: int | None = None
    maximum: int | None = None
    group_name: str | None = None


class FailureDestination(msgspec.Struct, frozen=True):
    """Where records go that cannot be processed; None for nowhere."""

    arn: str | None = None


class ScalingLimit(msgspec.Struct, frozen=True):
    """How many environments a queue may keep busy; None for no limit."""

    maximum_concurrency: int | None = None


class MappingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be said of a mapping besides its source, its function and whether it is enabled.

    None is what was not said and has no default for the source. Also used for a change: None leaves as it is.
    """

    batch_size: int | None = None
    maximum_batching_window_seconds: int | None = None
    starting_position: str | None = None
    starting_position_unix_ms: int | None = None
    parallelization_factor: int | None = None
    bisect_batch_on_function_error: bool | None = None
    maximum_record_age_seconds: int | None = None
    """-1: records never get too old."""
    maximum_retry_attempts: int | None = None
    """-1: until the records are gone from the source."""
    tumbling_window_seconds: int | None = None
    filters: tuple[str, ...] | None = None
    """Event patterns; a record goes to the function if one of them matches, or if there are none."""
    kms_key_arn: str | None = None
    function_response_types: tuple[str, ...] | None = None
    failure_destination: FailureDestination | None = None
    topics: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    source_access: tuple[SourceAccess, ...] | None = None
    bootstrap_servers: tuple[str, ...] | None = None
    managed_kafka: KafkaConsumer | None = None
    self_managed_kafka: KafkaConsumer | None = None
    document_db: DocumentDbSource | None = None
    scaling: ScalingLimit | None = None
    provisioned_pollers: ProvisionedPollers | None = None
    metrics: tuple[str, ...] | None = None
    system_log_level: str | None = None


class SealedFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Filters encrypted with a data key, and that key encrypted with the key of the mapping."""

    data_key: bytes
    ciphertext: bytes


class EventSourceMapping(msgspec.Struct, frozen=True, kw_only=True):
    """One mapping, complete. Source: botocore shape `EventSourceMappingConfiguration`."""

    scope: Scope
    uuid: str
    source: EventSource
    event_source_arn: str | None
    """None for self-managed Kafka, which has `bootstrap_servers` instead."""
    function_name: str
    qualifier: str | None = None
    settings: MappingSettings
    sealed_filters: SealedFilters | None = None
    """Instead of those in `settings`, of a mapping with a key."""
    enabled: bool
    """What the caller wants; the state follows."""
    state: MappingState
    state_transition_reason: str
    last_processing_result: str | None = None
    last_modified_unix_ms: int
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The mapping's own ARN."""
        return mapping_arn(self.scope, self.uuid)

    @property
    def function_arn(self) -> str:
        """The function's ARN, qualified if the caller's was."""
        arn = names.function_arn(self.scope, self.function_name)
        return arn if self.qualifier is None else f"{arn}:{self.qualifier}"


def mapping_arn(scope: Scope, uuid: str) -> str:
    """The ARN of an event source mapping."""
    return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account_id}:event-source-mapping:{uuid}"
