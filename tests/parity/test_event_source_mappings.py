"""Event source mappings: their records. Nothing polls here."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.mapping_requests import (
    BASIC_AUTH,
    FUNCTION,
    KINESIS,
    MSK,
    QUEUE,
    arn_of,
    map_new_function,
    refusal,
    stream_arn_of,
    wait_until_settled,
)

NO_SUCH_UUID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def settled(requests: Any) -> Any:
    """Asks for a mapping until it has arrived in a state; None: until it is gone."""
    return lambda uuid, state: wait_until_settled(requests.client, uuid, state)


@pytest.fixture
def kinds(requests: Any) -> Any:
    """CreateEventSourceMapping for a function of its own each time."""
    return lambda **parameters: map_new_function(requests, **parameters)


def _fixed(answer: Any) -> Any:
    """With instants as texts: the replay knows the form in which functions have them."""
    return {name: value.strftime("%Y-%m-%dT%H:%M:%S.000+0000") if isinstance(value, datetime) else value for name, value in answer.items()}


def _mapped(requests: Any, name: str) -> dict[str, Any]:
    """What creates the recorded mapping of a DynamoDB stream."""
    requests.create_active(name)
    return {
        "FunctionName": name,
        "EventSourceArn": stream_arn_of(f"{name}-table"),
        "DestinationConfig": {"OnFailure": {"Destination": arn_of("sqs", f"{name}-failures")}},
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
    queue, create = arn_of("sqs", "somequeue"), client.create_event_source_mapping
    conversation.check_error("get_unknown_uuid", lambda: client.get_event_source_mapping(UUID=NO_SUCH_UUID))
    conversation.check_error("delete_unknown_uuid", lambda: client.delete_event_source_mapping(UUID=NO_SUCH_UUID))
    conversation.check_error("update_unknown_uuid", lambda: client.update_event_source_mapping(UUID=NO_SUCH_UUID, Enabled=False))
    assert client.list_event_source_mappings(FunctionName="doesnotexist")["EventSourceMappings"] == []
    assert client.list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"] == []
    conversation.check_error("create_no_event_source_arn", lambda: create(FunctionName="doesnotexist"))
    conversation.check_error("create_unknown_params", lambda: create(FunctionName="doesnotexist", EventSourceArn=queue))
    to = {"OnSuccess": {"Destination": arn_of("sqs", "otherqueue")}}
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
        created = client.create_event_source_mapping(FunctionName=function_name, EventSourceArn=arn_of("sqs", "names"))
        conversation.check(f"{answer}_create_esm", _fixed(created))
        settled(created["UUID"], "Enabled")
        client.delete_event_source_mapping(UUID=created["UUID"])
        settled(created["UUID"], None)
    for qualifier in ("7", "otheralias"):
        assert (
            refusal(client.create_event_source_mapping, FunctionName=f"{name}:{qualifier}", EventSourceArn=arn_of("sqs", "names"))
            == "Function does not exist"
        )


def test_empty_filters_are_none(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaEventSourceMappings::test_create_event_filter_criteria_validation")
    client, name = requests.client, "mapping-filters"
    requests.create_active(name)
    conversation.bind("<table-name>", "filtered")
    mapped = {"FunctionName": name, "EventSourceArn": stream_arn_of("filtered"), "StartingPosition": "LATEST"}
    created = client.create_event_source_mapping(**mapped, FilterCriteria={"Filters": []})
    conversation.check("response-with-empty-filters", _fixed(created))
    for pattern in ("not JSON", "[]", "{}", '{"a": 1}', '{"a": []}', '{"a": [{"no-such": 1}]}', '{"a": [{"wildcard": "*"}]}', ""):
        criteria = {"Filters": [{"Pattern": pattern}]}
        assert refusal(client.create_event_source_mapping, **mapped, FilterCriteria=criteria) == "Invalid filter pattern definition."
    too_many = {"Filters": [{"Pattern": '{"a": [1]}'}] * 6}
    assert "filters" in refusal(client.create_event_source_mapping, **mapped, FilterCriteria=too_many)


@pytest.mark.parametrize(
    ("recording", "arn"),
    [
        ("test_create_event_source_validation", stream_arn_of("positions")),
        ("test_create_event_source_validation_kinesis", arn_of("kinesis", "stream/positions")),
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
    assert refusal(create, **mapped, StartingPosition="AT_TIMESTAMP") == "Need to specify a timestamp"
    now = datetime.now(UTC).replace(microsecond=0)
    tomorrow = now + timedelta(days=1)
    assert "future" in refusal(create, **mapped, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=tomorrow)
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
    assert refusal(client.update_event_source_mapping, UUID=uuid, BatchSize=11).startswith("Maximum batch window in seconds")
    assert refusal(client.update_event_source_mapping, UUID=uuid, FunctionName="doesnotexist") == "Function does not exist"
    requests.create_active("mapping-moved")
    moved = client.update_event_source_mapping(UUID=uuid, FunctionName="mapping-moved")
    assert moved["FunctionArn"] == f"{FUNCTION}:mapping-moved"
    assert settled(uuid, "Disabled")["BatchSize"] == 5


def test_mappings_are_listed_by_pages(requests: Any, server: Any) -> None:
    client, name = requests.client, "mapping-pages"
    requests.create_active(name)
    created = {
        client.create_event_source_mapping(FunctionName=name, EventSourceArn=arn_of("sqs", f"pages-{number}"))["UUID"]
        for number in range(3)
    }
    pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=name, PaginationConfig={"PageSize": 2})
    listed = [[mapping["UUID"] for mapping in page["EventSourceMappings"]] for page in pages]
    assert [len(page) for page in listed] == [2, 1]
    assert {uuid for page in listed for uuid in page} == created
    of_source = client.list_event_source_mappings(EventSourceArn=arn_of("sqs", "pages-1"))["EventSourceMappings"]
    assert [mapping["FunctionArn"] for mapping in of_source] == [f"{FUNCTION}:{name}"]
    assert server.client(account_id="222222222222").list_event_source_mappings()["EventSourceMappings"] == []


def test_tags_of_mappings(requests: Any, kinds: Any) -> None:
    client = requests.client
    arn = kinds(**QUEUE, Tags={"stage": "test"})["EventSourceMappingArn"]
    client.tag_resource(Resource=arn, Tags={"team": "blue"})
    assert client.list_tags(Resource=arn)["Tags"] == {"stage": "test", "team": "blue"}
    client.untag_resource(Resource=arn, TagKeys=["stage"])
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "blue"}
