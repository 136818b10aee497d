"""What can be said of each kind of event source. Nothing polls here."""

from typing import Any

import pytest
from tests.support.mapping_requests import (
    BASIC_AUTH,
    DOCUMENT_DB,
    DYNAMODB,
    FIFO,
    FUNCTION,
    KINESIS,
    MQ,
    MSK,
    QUEUE,
    SECRET,
    SELF_MANAGED,
    arn_of,
    map_new_function,
    refusal,
    wait_until_settled,
)

STREAM_DEFAULTS = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [],
    "LastProcessingResult": "No records processed",
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "StartingPosition": "LATEST",
    "StateTransitionReason": "User action",
    "TumblingWindowInSeconds": 0,
}
OTHERS_DEFAULTS = {"BatchSize": 100, "LastProcessingResult": "No records processed", "StateTransitionReason": "USER_INITIATED"}
QUEUE_DEFAULTS = {
    "BatchSize": 10,
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
    "StateTransitionReason": "USER_INITIATED",
}
_OF_EVERY_MAPPING = {"ResponseMetadata", "UUID", "EventSourceMappingArn", "EventSourceArn", "FunctionArn", "LastModified", "State"}


@pytest.fixture
def settled(requests: Any) -> Any:
    """Asks for a mapping until it has arrived in a state; None: until it is gone."""
    return lambda uuid, state: wait_until_settled(requests.client, uuid, state)


@pytest.fixture
def kinds(requests: Any) -> Any:
    """CreateEventSourceMapping for a function of its own each time."""
    return lambda **parameters: map_new_function(requests, **parameters)


@pytest.mark.parametrize(
    ("parameters", "defaults"),
    [
        (QUEUE, QUEUE_DEFAULTS),
        (FIFO, QUEUE_DEFAULTS),
        (KINESIS, STREAM_DEFAULTS),
        (DYNAMODB, STREAM_DEFAULTS),
        (MSK, {**OTHERS_DEFAULTS, "StartingPosition": "TRIM_HORIZON", "Topics": ["topic"]}),
        (MQ, {**OTHERS_DEFAULTS, "Queues": ["queue"], "SourceAccessConfigurations": BASIC_AUTH}),
        (
            DOCUMENT_DB,
            {
                **OTHERS_DEFAULTS,
                "DocumentDBEventSourceConfig": {"DatabaseName": "shop", "FullDocument": "Default"},
                "SourceAccessConfigurations": BASIC_AUTH,
                "StartingPosition": "LATEST",
            },
        ),
    ],
)
def test_what_a_kind_of_source_shows(kinds: Any, parameters: dict[str, Any], defaults: dict[str, Any]) -> None:
    created = kinds(**parameters)
    consumer = created.pop("AmazonManagedKafkaEventSourceConfig", None)
    assert consumer == ({"ConsumerGroupId": created["UUID"]} if parameters is MSK else None)
    assert {name: value for name, value in created.items() if name not in _OF_EVERY_MAPPING} == defaults
    assert created["State"] == "Creating"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({**QUEUE, "StartingPosition": "LATEST"}, "StartingPosition is not valid for SQS event sources."),
        ({**QUEUE, "ParallelizationFactor": 2}, "Unsupported ParallelizationFactor parameter for given event source mapping type."),
        (
            {**QUEUE, "DestinationConfig": {"OnFailure": {"Destination": arn_of("sqs", "q")}}},
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            {**QUEUE, "BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ),
        ({**FIFO, "MaximumBatchingWindowInSeconds": 1}, "Batching window is not supported for FIFO queues"),
        (
            {**QUEUE, "ProvisionedPollerConfig": {"MinimumPollers": 1}},
            "MinimumPollers should be between [2, 200] and MaximumPollers should be between [MinimumPollers, 10000]",
        ),
        (
            {**QUEUE, "ProvisionedPollerConfig": {"MinimumPollers": 2}, "ScalingConfig": {"MaximumConcurrency": 2}},
            "Provisioned mode for SQS ESM does not support maximum concurrency feature. "
            "Use MaximumPollers as the control mechanism and remove maximum concurrency.",
        ),
        ({**QUEUE, "MetricsConfig": {"Metrics": ["ErrorCount"]}}, "Unsupported metrics for given event source mapping type: [ErrorCount]"),
        *(
            (
                {**SELF_MANAGED, "SelfManagedKafkaEventSourceConfig": {"ConsumptionMode": mode}},
                "Unsupported 'ConsumptionMode' parameter for given event source mapping type",
            )
            for mode in ("Stream", "Queue")
        ),
        ({**KINESIS, "Topics": ["topic"]}, "Unsupported Topics parameter for given event source mapping type."),
        (
            {**KINESIS, "MaximumRecordAgeInSeconds": 59},
            "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)",
        ),
        (
            {**DYNAMODB, "ScalingConfig": {"MaximumConcurrency": 5}},
            "Unsupported ScalingConfig parameter for given event source mapping type.",
        ),
        (
            {**KINESIS, "DestinationConfig": {"OnFailure": {"Destination": f"{FUNCTION}:other"}}},
            "The provided destination config DestinationConfig(onSuccess=null, "
            f"onFailure=OnFailure(destination={FUNCTION}:other)) is invalid.",
        ),
        ({**MSK, "TumblingWindowInSeconds": 1}, "Unsupported 'tumblingWindowInSeconds' parameter for given event source mapping type."),
        ({"EventSourceArn": MSK["EventSourceArn"]}, "Required 'topics' parameter is missing."),
        (
            {**MQ, "DestinationConfig": {"OnFailure": {"Destination": arn_of("sqs", "q")}}},
            "Unsupported 'destinationConfig' parameter for given event source mapping type.",
        ),
        ({"EventSourceArn": MQ["EventSourceArn"], "Queues": ["queue"]}, "Required 'sourceAccessConfigurations' parameter is missing."),
        (
            {**MQ, "SourceAccessConfigurations": [{"Type": "VIRTUAL_HOST", "URI": "/"}]},
            "Required source access configuration type is missing: BASIC_AUTH",
        ),
        (
            {**MQ, "SourceAccessConfigurations": [*BASIC_AUTH, {"Type": "VPC_SUBNET", "URI": "subnet:1"}]},
            "Unsupported source access configuration type for given event source mapping type: VPC_SUBNET",
        ),
        (
            {name: value for name, value in DOCUMENT_DB.items() if name != "DocumentDBEventSourceConfig"},
            "Required 'documentDBEventSourceConfig' parameter is missing.",
        ),
        ({"EventSourceArn": arn_of("s3", "bucket")}, "Unrecognized event source."),
        ({"EventSourceArn": arn_of("dynamodb", "table/without-stream")}, "Unrecognized event source."),
    ],
)
def test_what_a_kind_of_source_does_not_take(kinds: Any, parameters: dict[str, Any], message: str) -> None:
    assert refusal(kinds, **parameters) == message


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (["IAM_AUTH"], "Source access configuration type IAM_AUTH is not supported here: functions have no IAM role to sign with."),
        (
            ["IAM_OAUTHBEARER_AUTH", "OAUTHBEARER_AUDIENCE"],
            "Source access configuration type IAM_OAUTHBEARER_AUTH is not supported here: functions have no IAM role to sign with.",
        ),
        (["OAUTHBEARER_SCOPE", "BASIC_AUTH"], "Source access configuration type OAUTHBEARER_SCOPE requires OAUTHBEARER_AUTH."),
    ],
)
def test_ways_to_authenticate_that_are_refused(kinds: Any, types: list[str], message: str) -> None:
    access = [{"Type": each, "URI": "x"} for each in types]
    assert refusal(kinds, **SELF_MANAGED | {"SourceAccessConfigurations": access}) == message


def test_parts_of_a_vpc_are_shown_and_needed_by_nobody(kinds: Any) -> None:
    access = [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"}, {"Type": "VPC_SECURITY_GROUP", "URI": "security_group:sg-1"}]
    assert kinds(**SELF_MANAGED | {"SourceAccessConfigurations": access})["SourceAccessConfigurations"] == access
    assert refusal(kinds, **MSK, SourceAccessConfigurations=access[:1]).endswith("for given event source mapping type: VPC_SUBNET")


def test_what_was_said_is_shown(kinds: Any) -> None:
    said: dict[str, Any] = {
        "FilterCriteria": {"Filters": [{"Pattern": '{"body": {"city": [{"prefix": "B"}]}}'}]},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 5},
        "MetricsConfig": {"Metrics": ["EventCount"]},
    }
    created = kinds(**QUEUE, **said)
    assert {name: created[name] for name in said} == said
    said = {
        "AmazonManagedKafkaEventSourceConfig": {
            "ConsumerGroupId": "group",
            "SchemaRegistryConfig": {
                "SchemaRegistryURI": "https://registry.example.com",
                "EventRecordFormat": "JSON",
                "AccessConfigs": [{"Type": "BASIC_AUTH", "URI": SECRET}],
                "SchemaValidationConfigs": [{"Attribute": "VALUE"}],
            },
        },
        "DestinationConfig": {"OnFailure": {"Destination": "kafka://failures"}},
        "LoggingConfig": {"SystemLogLevel": "DEBUG"},
        "MetricsConfig": {"Metrics": ["EventCount", "KafkaMetrics"]},
    }
    created = kinds(**MSK, **said, ProvisionedPollerConfig={"MaximumPollers": 4})
    assert {name: created[name] for name in said} == said
    assert created["ProvisionedPollerConfig"] == {"MinimumPollers": 1, "MaximumPollers": 4}


def test_a_consumer_group_stays(requests: Any, kinds: Any, settled: Any) -> None:
    uuid = kinds(**MSK, AmazonManagedKafkaEventSourceConfig={"ConsumerGroupId": "mine"})["UUID"]
    settled(uuid, "Enabled")
    config = {"ConsumerGroupId": "other"}
    assert "ConsumerGroupId" in refusal(requests.client.update_event_source_mapping, UUID=uuid, AmazonManagedKafkaEventSourceConfig=config)


def test_what_needs_the_provisioned_mode(requests: Any, kinds: Any, settled: Any) -> None:
    registry = {"SchemaRegistryConfig": {"SchemaRegistryURI": "https://registry.example.com", "EventRecordFormat": "JSON"}}
    for said in (
        {"MetricsConfig": {"Metrics": ["EventCount"]}},
        {"LoggingConfig": {"SystemLogLevel": "INFO"}},
        {"AmazonManagedKafkaEventSourceConfig": registry},
    ):
        assert refusal(kinds, **MSK, **said).endswith("is supported only in provisioned mode for given event source mapping type.")
    mine = {"ConsumerGroupId": "mine", **registry}
    uuid = kinds(**MSK, AmazonManagedKafkaEventSourceConfig=mine, ProvisionedPollerConfig={"MinimumPollers": 1})["UUID"]
    settled(uuid, "Enabled")
    updated = requests.client.update_event_source_mapping(
        UUID=uuid, AmazonManagedKafkaEventSourceConfig={"SchemaRegistryConfig": {}}, ProvisionedPollerConfig={}
    )
    assert updated["AmazonManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "mine"}


def test_a_group_of_pollers_has_bounds(requests: Any, kinds: Any) -> None:
    def pollers(maximum: int) -> dict[str, Any]:
        return {"ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": maximum, "PollerGroupName": "shared"}}

    assert kinds(**MSK, **pollers(1_500))["ProvisionedPollerConfig"]["PollerGroupName"] == "shared"
    other = {**MSK, "Topics": ["other"]}
    assert refusal(kinds, **other, **pollers(501)) == "MaximumPollers of a poller group cannot exceed 2000 in total."
    assert kinds(**other, **pollers(500))["ProvisionedPollerConfig"]["MaximumPollers"] == 500
