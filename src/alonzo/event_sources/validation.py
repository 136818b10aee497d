"""What the settings of a mapping may be, alone, together and for their kind of source.

Ranges and patterns that hold for all kinds are the business of the API's model. Source of the messages: recorded answers; those marked with
"reported" are AWS's as its users report them; the others are in AWS's manner, because its own are not known.
"""

from alonzo.event_sources.errors import InvalidMapping, InvalidPattern
from alonzo.event_sources.patterns import FILTERS, parse_pattern
from alonzo.event_sources.source_kinds import AWS_NAMES, IAM_TYPES, OAUTH_PARAMETERS, SourceKind, kind_of
from alonzo.model import quotas
from alonzo.model.event_source_mapping import EventSource, MappingSettings, ProvisionedPollers

_SMALL_BATCH = 10
"""Batches of a queue that Lambda gathers without waiting for more."""
_RECORD_AGE_MIN_SECONDS, _RECORD_AGE_MAX_SECONDS = 60, 604_800
_FIFO_SUFFIX = ".fifo"
_KAFKA_SCHEME = "kafka://"
_QUEUES = (EventSource.SQS, EventSource.SQS_FIFO)


def check_settings(source: EventSource, said: MappingSettings) -> None:
    """What the caller says may be said of that kind of source, and has values that it may have. `InvalidMapping`."""
    kind = kind_of(source)
    for name in said.__struct_fields__:
        if getattr(said, name) is not None and name not in kind.settings:
            raise InvalidMapping(_unsupported(source, kind, name))
    _check_starting_position(kind, said)
    _check_access(kind, said)
    _check_failures(kind, said)
    _check_consumer(said)
    unknown = sorted(set(said.metrics or ()) - kind.metrics)
    if unknown:
        raise InvalidMapping(f"Unsupported metrics for given event source mapping type: [{', '.join(unknown)}]")
    check_filters(said.filters or ())


def check_required(source: EventSource, event_source_arn: str | None, said: MappingSettings) -> None:
    """A new mapping says all that its kind of source needs. `InvalidMapping`."""
    kind = kind_of(source)
    for name in kind.required:
        if getattr(said, name):
            continue
        if name == "starting_position":
            raise InvalidMapping(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."
            )
        raise InvalidMapping(f"Required '{_uncapitalized(AWS_NAMES[name])}' parameter is missing.")
    if said.starting_position is not None and said.starting_position not in kind.starting_positions:
        raise InvalidMapping(f"Unsupported starting position for arn type: {event_source_arn}")
    if said.document_db is not None and said.document_db.database_name is None:
        raise InvalidMapping("Required 'databaseName' parameter is missing.")


def check_together(source: EventSource, settings: MappingSettings) -> None:
    """All settings of a mapping, with their defaults, go together. `InvalidMapping`."""
    if source in _QUEUES:
        _check_batch(source, settings)
    pollers = settings.provisioned_pollers
    if pollers is not None and pollers != ProvisionedPollers():
        _check_pollers(source, pollers, settings)
    elif source in (EventSource.MSK, EventSource.SELF_MANAGED_KAFKA):
        _check_on_demand(settings)


def check_filters(filters: tuple[str, ...]) -> None:
    """Filters that AWS takes. `InvalidMapping`."""
    if len(filters) > quotas.EVENT_FILTERS_MAX:
        raise InvalidMapping(f"Number of filters must be less than or equal to {quotas.EVENT_FILTERS_MAX}.")
    for text in filters:
        try:
            parse_pattern(text, FILTERS)
        except InvalidPattern as error:
            raise InvalidMapping("Invalid filter pattern definition.") from error


def _unsupported(source: EventSource, kind: SourceKind, name: str) -> str:
    aws_name = AWS_NAMES[name]
    if source in _QUEUES and name == "starting_position":
        return "StartingPosition is not valid for SQS event sources."  # reported
    if source is EventSource.DYNAMODB_STREAMS and name == "starting_position_unix_ms":
        return "StartingPositionTimestamp is not valid for DynamoDB event sources."
    shown = f"'{_uncapitalized(aws_name)}'" if kind.quotes_settings else aws_name
    return f"Unsupported {shown} parameter for given event source mapping type."


def _check_starting_position(kind: SourceKind, said: MappingSettings) -> None:
    at_timestamp = said.starting_position == "AT_TIMESTAMP" and "AT_TIMESTAMP" in kind.starting_positions
    if at_timestamp and said.starting_position_unix_ms is None:
        raise InvalidMapping("Need to specify a timestamp")  # reported
    if said.starting_position_unix_ms is not None and not at_timestamp:
        raise InvalidMapping("StartingPositionTimestamp is valid only with the starting position AT_TIMESTAMP.")


def _check_access(kind: SourceKind, said: MappingSettings) -> None:
    if said.source_access is None:
        return
    given = {access.type for access in said.source_access if access.type is not None}
    unknown = sorted(given - kind.access_types)
    if unknown:
        raise InvalidMapping(f"Unsupported source access configuration type for given event source mapping type: {unknown[0]}")
    missing = sorted(kind.required_access_types - given)
    if missing:
        raise InvalidMapping(f"Required source access configuration type is missing: {missing[0]}")
    _check_tokens(given)


def _check_tokens(given: set[str]) -> None:
    """Roles are not assumed here, and no cluster of one's own knows them. The words are ours."""
    by_role = sorted(given & IAM_TYPES)
    if by_role:
        raise InvalidMapping(
            f"Source access configuration type {by_role[0]} is not supported here: functions have no IAM role to sign with."
        )
    unused = sorted(given & OAUTH_PARAMETERS)
    if unused and "OAUTHBEARER_AUTH" not in given:
        raise InvalidMapping(f"Source access configuration type {unused[0]} requires OAUTHBEARER_AUTH.")


def _check_failures(kind: SourceKind, said: MappingSettings) -> None:
    age_seconds = said.maximum_record_age_seconds
    if age_seconds is not None and age_seconds != -1 and not _RECORD_AGE_MIN_SECONDS <= age_seconds <= _RECORD_AGE_MAX_SECONDS:
        raise InvalidMapping("MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)")  # reported
    arn = None if said.failure_destination is None else said.failure_destination.arn
    if arn is None:
        return
    service = "kafka" if arn.startswith(_KAFKA_SCHEME) else arn.split(":")[2]
    if service not in kind.destination_services or (service in ("sqs", "sns") and arn.endswith(_FIFO_SUFFIX)):
        raise InvalidMapping(
            f"The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={arn})) is invalid."
        )


def _check_consumer(said: MappingSettings) -> None:
    if said.self_managed_kafka is not None and said.self_managed_kafka.consumption_mode is not None:
        # As the service answers today, whatever the mode: reported.
        raise InvalidMapping("Unsupported 'ConsumptionMode' parameter for given event source mapping type")


def _check_on_demand(settings: MappingSettings) -> None:
    """Sources of what wants the provisioned mode: `esm-logging`, `services-consume-kafka-events` in Lambda's developer guide."""
    consumer = settings.managed_kafka or settings.self_managed_kafka
    has_registry = consumer is not None and consumer.schema_registry is not None
    for name, is_said in (
        ("MetricsConfig", settings.metrics),
        ("LoggingConfig", settings.system_log_level),
        ("SchemaRegistryConfig", has_registry),
    ):
        if is_said:
            raise InvalidMapping(f"{name} is supported only in provisioned mode for given event source mapping type.")


def _check_batch(source: EventSource, settings: MappingSettings) -> None:
    batch_size, window_seconds = settings.batch_size or 0, settings.maximum_batching_window_seconds
    if batch_size > _SMALL_BATCH and not window_seconds:
        raise InvalidMapping("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")  # reported
    if source is EventSource.SQS_FIFO and window_seconds:
        raise InvalidMapping("Batching window is not supported for FIFO queues")  # reported


def _check_pollers(source: EventSource, pollers: ProvisionedPollers, settings: MappingSettings) -> None:
    """The messages are reported."""
    limits = kind_of(source).pollers
    assert limits is not None
    if source in _QUEUES:
        if pollers.group_name is not None:
            raise InvalidMapping("Unsupported PollerGroupName parameter for given event source mapping type.")
        if settings.scaling is not None and settings.scaling.maximum_concurrency is not None:
            raise InvalidMapping(
                "Provisioned mode for SQS ESM does not support maximum concurrency feature. "
                "Use MaximumPollers as the control mechanism and remove maximum concurrency."
            )
    minimum, maximum = pollers.minimum or 0, pollers.maximum or 0
    if not limits.minimum_from <= minimum <= limits.minimum_to or not minimum <= maximum <= limits.maximum_to:
        raise InvalidMapping(
            f"MinimumPollers should be between [{limits.minimum_from}, {limits.minimum_to}] "
            f"and MaximumPollers should be between [MinimumPollers, {limits.maximum_to}]"
        )


def _uncapitalized(name: str) -> str:
    return name[0].lower() + name[1:]
