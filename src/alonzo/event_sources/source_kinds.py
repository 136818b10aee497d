"""What each kind of event source has: which settings, which of them it needs, which values they have unless said otherwise.

Sources: the pages "Event source mapping parameters" of https://docs.aws.amazon.com/lambda/latest/dg/ on each kind
(`services-sqs-parameters`, `services-kinesis-parameters`, `services-ddb-params`, `services-msk-parameters`, `services-kafka-parameters`,
`services-mq-params`), botocore's documentation of CreateEventSourceMapping, and recorded answers for what is shown of a fresh mapping.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alonzo.event_sources.errors import InvalidMapping
from alonzo.model.event_source_mapping import EventSource, FailureDestination, MappingSettings, ProvisionedPollers

AWS_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "batch_size": "BatchSize",
        "maximum_batching_window_seconds": "MaximumBatchingWindowInSeconds",
        "starting_position": "StartingPosition",
        "starting_position_unix_ms": "StartingPositionTimestamp",
        "parallelization_factor": "ParallelizationFactor",
        "bisect_batch_on_function_error": "BisectBatchOnFunctionError",
        "maximum_record_age_seconds": "MaximumRecordAgeInSeconds",
        "maximum_retry_attempts": "MaximumRetryAttempts",
        "tumbling_window_seconds": "TumblingWindowInSeconds",
        "filters": "FilterCriteria",
        "kms_key_arn": "KMSKeyArn",
        "function_response_types": "FunctionResponseTypes",
        "failure_destination": "DestinationConfig",
        "topics": "Topics",
        "queues": "Queues",
        "source_access": "SourceAccessConfigurations",
        "bootstrap_servers": "SelfManagedEventSource",
        "managed_kafka": "AmazonManagedKafkaEventSourceConfig",
        "self_managed_kafka": "SelfManagedKafkaEventSourceConfig",
        "document_db": "DocumentDBEventSourceConfig",
        "scaling": "ScalingConfig",
        "provisioned_pollers": "ProvisionedPollerConfig",
        "metrics": "MetricsConfig",
        "system_log_level": "LoggingConfig",
    }
)
"""What AWS's messages call a setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerLimits:
    """Of the provisioned mode: what is used if only one bound is given, and what the bounds may be."""

    default: ProvisionedPollers
    minimum_from: int
    minimum_to: int
    maximum_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """What can be said of one kind of source."""

    settings: frozenset[str]
    """Fields of `MappingSettings`."""
    required: tuple[str, ...] = ()
    defaults: MappingSettings
    starting_positions: frozenset[str] = frozenset()
    access_types: frozenset[str] = frozenset()
    required_access_types: frozenset[str] = frozenset()
    destination_services: frozenset[str] = frozenset()
    """`kafka`: also topics of the cluster, `kafka://topic`."""
    metrics: frozenset[str] = frozenset()
    pollers: PollerLimits | None = None
    quotes_settings: bool
    """Whether AWS writes `Unsupported 'destinationConfig' parameter` or `Unsupported DestinationConfig parameter`."""
    transition_reason: str
    processing_result: str | None


_COMMON = frozenset(("batch_size", "maximum_batching_window_seconds", "filters", "kms_key_arn"))
_FAILURES = frozenset(
    (
        *("bisect_batch_on_function_error", "maximum_record_age_seconds", "maximum_retry_attempts", "failure_destination"),
        "function_response_types",
    )
)
_STARTING = frozenset(("starting_position", "starting_position_unix_ms"))
_ANY_POSITION = frozenset(("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"))
_USER_ACTION, _USER_INITIATED = "User action", "USER_INITIATED"
_NOTHING_PROCESSED = "No records processed"

_SQS = SourceKind(
    settings=_COMMON | {"function_response_types", "scaling", "provisioned_pollers", "metrics"},
    defaults=MappingSettings(batch_size=10, maximum_batching_window_seconds=0, function_response_types=()),
    metrics=frozenset(("EventCount",)),
    pollers=PollerLimits(default=ProvisionedPollers(minimum=2, maximum=200), minimum_from=2, minimum_to=200, maximum_to=10_000),
    quotes_settings=False,
    transition_reason=_USER_INITIATED,
    processing_result=None,
)


def _stream(starting_positions: frozenset[str], settings: frozenset[str]) -> SourceKind:
    return SourceKind(
        settings=_COMMON | _FAILURES | settings | {"parallelization_factor", "tumbling_window_seconds", "metrics"},
        required=("starting_position",),
        defaults=MappingSettings(
            batch_size=100,
            maximum_batching_window_seconds=0,
            parallelization_factor=1,
            bisect_batch_on_function_error=False,
            maximum_record_age_seconds=-1,
            maximum_retry_attempts=-1,
            tumbling_window_seconds=0,
            function_response_types=(),
            failure_destination=FailureDestination(),
        ),
        starting_positions=starting_positions,
        destination_services=frozenset(("sqs", "sns", "s3")),
        metrics=frozenset(("EventCount",)),
        quotes_settings=False,
        transition_reason=_USER_ACTION,
        processing_result=_NOTHING_PROCESSED,
    )


def _kafka(settings: frozenset[str], access_types: frozenset[str], required: tuple[str, ...]) -> SourceKind:
    return SourceKind(
        settings=_COMMON
        | _FAILURES
        | _STARTING
        | settings
        | {"topics", "source_access", "provisioned_pollers", "metrics", "system_log_level"},
        required=required,
        defaults=MappingSettings(batch_size=100, starting_position="TRIM_HORIZON"),
        starting_positions=_ANY_POSITION,
        access_types=access_types,
        destination_services=frozenset(("sqs", "sns", "s3", "kafka")),
        metrics=frozenset(("EventCount", "ErrorCount", "KafkaMetrics")),
        pollers=PollerLimits(default=ProvisionedPollers(minimum=1, maximum=200), minimum_from=1, minimum_to=200, maximum_to=2_000),
        quotes_settings=True,
        transition_reason=_USER_INITIATED,
        processing_result=_NOTHING_PROCESSED,
    )


OAUTH_PARAMETERS = frozenset(("OAUTHBEARER_SCOPE", "OAUTHBEARER_AUDIENCE", "OAUTHBEARER_LOGICAL_CLUSTER", "OAUTHBEARER_IDENTITY_POOL"))
"""What may be said beside `OAUTHBEARER_AUTH`."""
IAM_TYPES = frozenset(("IAM_AUTH", "IAM_OAUTHBEARER_AUTH"))
"""Of clusters of one's own, too; see `validation.py`."""
_KINDS: Mapping[EventSource, SourceKind] = MappingProxyType(
    {
        EventSource.SQS: _SQS,
        EventSource.SQS_FIFO: _SQS,
        EventSource.KINESIS: _stream(_ANY_POSITION, _STARTING),
        EventSource.DYNAMODB_STREAMS: _stream(_ANY_POSITION - {"AT_TIMESTAMP"}, frozenset(("starting_position",))),
        EventSource.MSK: _kafka(
            frozenset(("managed_kafka",)),
            frozenset(("SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH", "SERVER_ROOT_CA_CERTIFICATE")),
            required=("topics",),
        ),
        EventSource.SELF_MANAGED_KAFKA: _kafka(
            frozenset(("self_managed_kafka", "bootstrap_servers")),
            OAUTH_PARAMETERS
            | IAM_TYPES
            | {"OAUTHBEARER_AUTH", "BASIC_AUTH", "VPC_SUBNET", "VPC_SECURITY_GROUP", "SASL_SCRAM_512_AUTH", "SASL_SCRAM_256_AUTH"}
            | {"CLIENT_CERTIFICATE_TLS_AUTH", "SERVER_ROOT_CA_CERTIFICATE"},
            required=("source_access", "topics"),
        ),
        EventSource.MQ: SourceKind(
            settings=_COMMON | {"queues", "source_access"},
            required=("queues", "source_access"),
            defaults=MappingSettings(batch_size=100),
            access_types=frozenset(("BASIC_AUTH", "VIRTUAL_HOST")),
            required_access_types=frozenset(("BASIC_AUTH",)),
            quotes_settings=True,
            transition_reason=_USER_INITIATED,
            processing_result=_NOTHING_PROCESSED,
        ),
        EventSource.DOCUMENT_DB: SourceKind(
            settings=_COMMON | _STARTING | {"document_db", "source_access"},
            required=("document_db", "source_access", "starting_position"),
            defaults=MappingSettings(batch_size=100),
            starting_positions=_ANY_POSITION,
            access_types=frozenset(("BASIC_AUTH",)),
            required_access_types=frozenset(("BASIC_AUTH",)),
            quotes_settings=True,
            transition_reason=_USER_INITIATED,
            processing_result=_NOTHING_PROCESSED,
        ),
    }
)

_RESOURCES: Mapping[str, tuple[tuple[str, EventSource], ...]] = MappingProxyType(
    {
        "sqs": (("", EventSource.SQS),),
        "kinesis": (("stream/", EventSource.KINESIS),),
        "dynamodb": (("table/", EventSource.DYNAMODB_STREAMS),),
        "kafka": (("cluster/", EventSource.MSK), ("vpc-connection/", EventSource.MSK)),
        "mq": (("broker:", EventSource.MQ),),
        "rds": (("cluster:", EventSource.DOCUMENT_DB),),
    }
)
"""By the service in an ARN: how the resources begin that can be sources."""
_ARN_PARTS = 6


def kind_of(source: EventSource) -> SourceKind:
    """What can be said of that kind of source."""
    return _KINDS[source]


def recognize_source(event_source_arn: str | None, *, has_bootstrap_servers: bool) -> EventSource:
    """Which kind of source a mapping is of. `InvalidMapping` for what is none, or two."""
    if has_bootstrap_servers and event_source_arn is None:
        return EventSource.SELF_MANAGED_KAFKA
    parts = (event_source_arn or "").split(":", _ARN_PARTS - 1)
    if len(parts) == _ARN_PARTS and not has_bootstrap_servers:
        service, resource = parts[2], parts[-1]
        for beginning, source in _RESOURCES.get(service, ()):
            if resource.startswith(beginning) and len(resource) > len(beginning):
                if source is EventSource.SQS and resource.endswith(".fifo"):
                    return EventSource.SQS_FIFO
                if source is not EventSource.DYNAMODB_STREAMS or "/stream/" in resource:
                    return source
    raise InvalidMapping("Unrecognized event source.")
