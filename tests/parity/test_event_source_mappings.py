"""Event source mappings: their records and what can be said of each kind of source. Nothing polls here."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID, REGION = "111111111111", "us-east-1"


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


FUNCTION = _arn("lambda", "function")
SECRET = _arn("secretsmanager", "secret:credentials")
BASIC_AUTH = [{"Type": "BASIC_AUTH", "URI": SECRET}]
NO_SUCH_UUID = "00000000-0000-4000-8000-000000000000"


def _fixed(answer: Any) -> Any:
    """With instants as texts: the replay knows the form in which functions have them."""
    return {name: value.strftime("%Y-%m-%dT%H:%M:%S.000+0000") if isinstance(value, datetime) else value for name, value in answer.items()}


def _stream_arn(name: str) -> str:
    return _arn("dynamodb", f"table/{name}/stream/2026-01-01T00:00:00.000")


def _message(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    assert error["Code"] == "InvalidParameterValueException", error
    return str(error["Message"])


@pytest.fixture
def settled(requests: Any) -> Any:
    """Asks for a mapping until it has arrived in a state; None: until it is gone."""

    def wait(uuid: str, state: str | None) -> Any:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                answer = requests.client.get_event_source_mapping(UUID=uuid)
            except requests.client.exceptions.ResourceNotFoundException:
                answer = None
            if (None if answer is None else answer["State"]) == state:
                return answer
        raise AssertionError(f"{uuid} does not become {state}")

    return wait


def _mapped(requests: Any, name: str) -> dict[str, Any]:
    """What creates the recorded mapping of a DynamoDB stream."""
    requests.create_active(name)
    return {
        "FunctionName": name,
        "EventSourceArn": _stream_arn(f"{name}-table"),
        "DestinationConfig": {"OnFailure": {"Destination": _arn("sqs", f"{name}-failures")}},
        "BatchSize": 1,
        "StartingPosition": "TRIM_HORIZON",
        "MaximumBatchingWindowInSeconds": 1,
        "MaximumRetryAttempts": 1,
    }


def test_life_of_a_mapping(replay: Any, requests: Any, settled: Any) -> None:
    conversation, client = replay("TestLambdaEventSourceMappings::test_event_source_mapping_lifecycle"), requests.client
    conversation.without("update_table_response")  # there is no DynamoDB yet
    created = client.create_event_source_mapping(**_mapped(requests, "mapping-life"))
    conversation.check("create_response", _fixed(created))
    conversation.check("get_response", _fixed(settled(created["UUID"], "Enabled")))
    conversation.check("delete_response", _fixed(client.delete_event_source_mapping(UUID=created["UUID"])))
    settled(created["UUID"], None)


def test_a_mapping_outlives_its_function(replay: Any, requests: Any, settled: Any) -> None:
    conversation = replay("TestLambdaEventSourceMappings::test_event_source_mapping_lifecycle_delete_function")
    client, name = requests.client, "mapping-outlives"
    conversation.without("update_table_response")  # there is no DynamoDB yet
    created = client.create_event_source_mapping(**_mapped(requests, name))
    conversation.check("create_response", _fixed(created))
    conversation.check("get_response", _fixed(settled(created["UUID"], "Enabled")))
    conversation.check("delete_function_response", client.delete_function(FunctionName=name))
    conversation.check("get_response_post_delete", _fixed(client.get_event_source_mapping(UUID=created["UUID"])))
    listed = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert [mapping["UUID"] for mapping in listed] == [created["UUID"]]
    conversation.check("delete_response", _fixed(client.delete_event_source_mapping(UUID=created["UUID"])))


def test_mappings_that_are_not_there_or_cannot_be(replay: Any, requests: Any) -> None:
    conversation, client = replay("TestLambdaEventSourceMappings::test_event_source_mapping_exceptions"), requests.client
    queue, create = _arn("sqs", "somequeue"), client.create_event_source_mapping
    conversation.check_error("get_unknown_uuid", lambda: client.get_event_source_mapping(UUID=NO_SUCH_UUID))
    conversation.check_error("delete_unknown_uuid", lambda: client.delete_event_source_mapping(UUID=NO_SUCH_UUID))
    conversation.check_error("update_unknown_uuid", lambda: client.update_event_source_mapping(UUID=NO_SUCH_UUID, Enabled=False))
    assert client.list_event_source_mappings(FunctionName="doesnotexist")["EventSourceMappings"] == []
    assert client.list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"] == []
    conversation.check_error("create_no_event_source_arn", lambda: create(FunctionName="doesnotexist"))
    conversation.check_error("create_unknown_params", lambda: create(FunctionName="doesnotexist", EventSourceArn=queue))
    to = {"OnSuccess": {"Destination": _arn("sqs", "otherqueue")}}
    destined = {"FunctionName": "doesnotexist", "EventSourceArn": queue, "DestinationConfig": to}
    conversation.check_error("destination_config_failure", lambda: create(**destined))


def test_functions_are_named_in_many_ways(replay: Any, requests: Any, server: Any, settled: Any) -> None:
    conversation, client = replay("TestLambdaEventSourceMappings::test_function_name_variations"), requests.client
    name = "mapping-names"
    requests.create_active(name)
    client.publish_version(FunctionName=name)
    server.settle(name)
    client.create_alias(FunctionName=name, FunctionVersion="1", Name="myalias")
    for answer, function_name in (
        ("name_only", name),
        ("partial_arn_latest", f"{name}:$LATEST"),
        ("partial_arn_version", f"{name}:1"),
        ("partial_arn_alias", f"{name}:myalias"),
        ("full_arn_latest", f"{FUNCTION}:{name}"),
        ("full_arn_version", f"{FUNCTION}:{name}:1"),
        ("full_arn_alias", f"{FUNCTION}:{name}:myalias"),
    ):
        created = client.create_event_source_mapping(FunctionName=function_name, EventSourceArn=_arn("sqs", "names"))
        conversation.check(f"{answer}_create_esm", _fixed(created))
        settled(created["UUID"], "Enabled")
        client.delete_event_source_mapping(UUID=created["UUID"])
        settled(created["UUID"], None)
    for qualifier in ("7", "otheralias"):
        assert (
            _message(client.create_event_source_mapping, FunctionName=f"{name}:{qualifier}", EventSourceArn=_arn("sqs", "names"))
            == "Function does not exist"
        )


def test_empty_filters_are_none(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaEventSourceMappings::test_create_event_filter_criteria_validation")
    client, name = requests.client, "mapping-filters"
    requests.create_active(name)
    conversation.bind("<table-name>", "filtered")
    mapped = {"FunctionName": name, "EventSourceArn": _stream_arn("filtered"), "StartingPosition": "LATEST"}
    created = client.create_event_source_mapping(**mapped, FilterCriteria={"Filters": []})
    conversation.check("response-with-empty-filters", _fixed(created))
    for pattern in ("not JSON", "[]", "{}", '{"a": 1}', '{"a": []}', '{"a": [{"no-such": 1}]}', '{"a": [{"wildcard": "*"}]}', ""):
        criteria = {"Filters": [{"Pattern": pattern}]}
        assert _message(client.create_event_source_mapping, **mapped, FilterCriteria=criteria) == "Invalid filter pattern definition."
    too_many = {"Filters": [{"Pattern": '{"a": [1]}'}] * 6}
    assert "filters" in _message(client.create_event_source_mapping, **mapped, FilterCriteria=too_many)


@pytest.mark.parametrize(
    ("recording", "arn"),
    [
        ("test_create_event_source_validation", _stream_arn("positions")),
        ("test_create_event_source_validation_kinesis", _arn("kinesis", "stream/positions")),
    ],
)
def test_starting_positions(replay: Any, requests: Any, recording: str, arn: str) -> None:
    conversation, client = replay(f"TestLambdaEventSourceMappings::{recording}"), requests.client
    name = recording.replace("_", "-")
    requests.create_active(name)
    conversation.bind("<table-name>", "positions")
    conversation.bind("<stream-name>", arn.rpartition("/")[2])
    create = client.create_event_source_mapping
    mapped = {"FunctionName": name, "EventSourceArn": arn}
    conversation.check_error("no_starting_position", lambda: create(**mapped))
    conversation.check_error("invalid_starting_position", lambda: create(**mapped, StartingPosition="invalid"))
    if "dynamodb" in arn:
        conversation.check_error("incompatible_starting_position", lambda: create(**mapped, StartingPosition="AT_TIMESTAMP"))
        return
    assert _message(create, **mapped, StartingPosition="AT_TIMESTAMP") == "Need to specify a timestamp"
    now = datetime.now(UTC).replace(microsecond=0)
    tomorrow = now + timedelta(days=1)
    assert "future" in _message(create, **mapped, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=tomorrow)
    created = create(**mapped, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=now)
    assert created["StartingPositionTimestamp"] == now


def test_self_managed_kafka(replay: Any, requests: Any) -> None:
    conversation, client = replay("TestLambdaEventSourceMappings::test_create_event_source_self_managed"), requests.client
    name = "mapping-kafka"
    requests.create_active(name)

    def create(servers: tuple[str, ...] = ("kafka:1000",), topic: str = "topic", **parameters: Any) -> Any:
        source = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": list(servers)}}
        return client.create_event_source_mapping(FunctionName=name, Topics=[topic], SelfManagedEventSource=source, **parameters)

    def shown(answer: Any) -> Any:
        """The recording is older than ARNs of mappings, which AWS gives to all of them since they can have tags."""
        assert answer.pop("EventSourceMappingArn").endswith(f":event-source-mapping:{answer['UUID']}")
        return _fixed(answer)

    access = {"SourceAccessConfigurations": BASIC_AUTH}
    conversation.check("event-source-mapping-default", shown(create(**access)))
    conversation.check_error("duplicate-source", lambda: create(**access))
    conversation.check_error("multiple-duplicate-source", lambda: create(("kafka:1000", "kafka:2000"), **access))
    group = {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "random_id"}}
    other = create(topic="topic_2", StartingPosition="LATEST", BatchSize=1, **access, **group)
    conversation.check("event-source-mapping-values", shown(other))
    conversation.check_error("missing-source-access-configuration", create)


QUEUE = {"EventSourceArn": _arn("sqs", "kinds")}
FIFO = {"EventSourceArn": _arn("sqs", "kinds.fifo")}
KINESIS = {"EventSourceArn": _arn("kinesis", "stream/kinds"), "StartingPosition": "LATEST"}
DYNAMODB = {"EventSourceArn": _stream_arn("kinds"), "StartingPosition": "LATEST"}
MSK = {"EventSourceArn": _arn("kafka", "cluster/kinds/7f6a"), "Topics": ["topic"]}
MQ = {"EventSourceArn": _arn("mq", "broker:kinds:b-1"), "Queues": ["queue"], "SourceAccessConfigurations": BASIC_AUTH}
DOCUMENT_DB = {
    "EventSourceArn": _arn("rds", "cluster:kinds"),
    "DocumentDBEventSourceConfig": {"DatabaseName": "shop"},
    "SourceAccessConfigurations": BASIC_AUTH,
    "StartingPosition": "LATEST",
}
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
def kinds(requests: Any) -> Any:
    """CreateEventSourceMapping for a function of its own each time."""

    def create(**parameters: Any) -> Any:
        name = f"mapping-kinds-{uuid4().hex}"
        requests.create_active(name)
        return requests.client.create_event_source_mapping(FunctionName=name, **parameters)

    return create


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
            {**QUEUE, "DestinationConfig": {"OnFailure": {"Destination": _arn("sqs", "q")}}},
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
        (
            {
                "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:9092"]}},
                "SourceAccessConfigurations": BASIC_AUTH,
                "Topics": ["topic"],
                "SelfManagedKafkaEventSourceConfig": {"ConsumptionMode": "Queue"},
            },
            "Unsupported 'ConsumptionMode' parameter for given event source mapping type",
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
            {**MQ, "DestinationConfig": {"OnFailure": {"Destination": _arn("sqs", "q")}}},
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
        ({"EventSourceArn": _arn("s3", "bucket")}, "Unrecognized event source."),
        ({"EventSourceArn": _arn("dynamodb", "table/without-stream")}, "Unrecognized event source."),
    ],
)
def test_what_a_kind_of_source_does_not_take(kinds: Any, parameters: dict[str, Any], message: str) -> None:
    assert _message(kinds, **parameters) == message


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


@pytest.mark.parametrize(
    ("parameters", "beginning"),
    [
        (QUEUE, f'An event source mapping with SQS arn (" {QUEUE["EventSourceArn"]} ") and function (" mapping-twice ") already exists.'),
        (
            KINESIS,
            f'The event source arn (" {KINESIS["EventSourceArn"]} ") and function (" mapping-twice ") provided mapping already exists.',
        ),
        (
            MSK,
            f'An event source mapping with event source ("{MSK["EventSourceArn"]}"), '
            f'function ("{FUNCTION}:mapping-twice"), topics ("topic")',
        ),
    ],
)
def test_a_source_is_mapped_once(requests: Any, settled: Any, parameters: dict[str, Any], beginning: str) -> None:
    client = requests.client
    requests.create_active("mapping-twice")
    try:
        first = client.create_event_source_mapping(FunctionName="mapping-twice", **parameters)
        with pytest.raises(client.exceptions.ResourceConflictException) as raised:
            client.create_event_source_mapping(FunctionName="mapping-twice", **parameters)
        message = raised.value.response["Error"]["Message"]
        assert message.startswith(beginning)
        assert message.endswith(f"Please update or delete the existing mapping with UUID {first['UUID']}")
        settled(first["UUID"], "Enabled")
        client.delete_event_source_mapping(UUID=first["UUID"])
        settled(first["UUID"], None)
        client.create_event_source_mapping(FunctionName="mapping-twice", **parameters)
    finally:
        client.delete_function(FunctionName="mapping-twice")


def test_mappings_are_disabled_enabled_and_changed(requests: Any, kinds: Any, settled: Any) -> None:
    client = requests.client
    uuid = kinds(**QUEUE, Enabled=False, ScalingConfig={"MaximumConcurrency": 5})["UUID"]
    settled(uuid, "Disabled")
    assert client.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    settled(uuid, "Enabled")
    updated = client.update_event_source_mapping(UUID=uuid, BatchSize=5, ScalingConfig={})
    assert (updated["State"], updated["BatchSize"], "ScalingConfig" in updated) == ("Updating", 5, False)
    settled(uuid, "Enabled")
    assert client.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    settled(uuid, "Disabled")
    assert _message(client.update_event_source_mapping, UUID=uuid, BatchSize=11).startswith("Maximum batch window in seconds")
    assert _message(client.update_event_source_mapping, UUID=uuid, FunctionName="doesnotexist") == "Function does not exist"
    requests.create_active("mapping-moved")
    moved = client.update_event_source_mapping(UUID=uuid, FunctionName="mapping-moved")
    assert moved["FunctionArn"] == f"{FUNCTION}:mapping-moved"
    assert settled(uuid, "Disabled")["BatchSize"] == 5


def test_a_consumer_group_stays(requests: Any, kinds: Any, settled: Any) -> None:
    uuid = kinds(**MSK, AmazonManagedKafkaEventSourceConfig={"ConsumerGroupId": "mine"})["UUID"]
    settled(uuid, "Enabled")
    config = {"ConsumerGroupId": "other"}
    assert "ConsumerGroupId" in _message(requests.client.update_event_source_mapping, UUID=uuid, AmazonManagedKafkaEventSourceConfig=config)


def test_mappings_are_listed_by_pages(requests: Any, server: Any) -> None:
    client, name = requests.client, "mapping-pages"
    requests.create_active(name)
    created = {
        client.create_event_source_mapping(FunctionName=name, EventSourceArn=_arn("sqs", f"pages-{number}"))["UUID"] for number in range(3)
    }
    pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=name, PaginationConfig={"PageSize": 2})
    listed = [[mapping["UUID"] for mapping in page["EventSourceMappings"]] for page in pages]
    assert [len(page) for page in listed] == [2, 1]
    assert {uuid for page in listed for uuid in page} == created
    of_source = client.list_event_source_mappings(EventSourceArn=_arn("sqs", "pages-1"))["EventSourceMappings"]
    assert [mapping["FunctionArn"] for mapping in of_source] == [f"{FUNCTION}:{name}"]
    assert server.client(account_id="222222222222").list_event_source_mappings()["EventSourceMappings"] == []


def test_tags_of_mappings(requests: Any, kinds: Any) -> None:
    client = requests.client
    arn = kinds(**QUEUE, Tags={"stage": "test"})["EventSourceMappingArn"]
    client.tag_resource(Resource=arn, Tags={"team": "blue"})
    assert client.list_tags(Resource=arn)["Tags"] == {"stage": "test", "team": "blue"}
    client.untag_resource(Resource=arn, TagKeys=["stage"])
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "blue"}


def test_what_needs_the_provisioned_mode(requests: Any, kinds: Any, settled: Any) -> None:
    registry = {"SchemaRegistryConfig": {"SchemaRegistryURI": "https://registry.example.com", "EventRecordFormat": "JSON"}}
    for said in (
        {"MetricsConfig": {"Metrics": ["EventCount"]}},
        {"LoggingConfig": {"SystemLogLevel": "INFO"}},
        {"AmazonManagedKafkaEventSourceConfig": registry},
    ):
        assert _message(kinds, **MSK, **said).endswith("is supported only in provisioned mode for given event source mapping type.")
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
    assert _message(kinds, **other, **pollers(501)) == "MaximumPollers of a poller group cannot exceed 2000 in total."
    assert kinds(**other, **pollers(500))["ProvisionedPollerConfig"]["MaximumPollers"] == 500
