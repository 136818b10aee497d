"""Options that are not about one kind of source."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.event_sink import EventSink
from tests.support.event_sources import create_queue, deploy_recorder, map_source, wait_for_records, wait_for_state
from tests.support.server import Server
from tests.support.waiting import eventually

_WANTED = {"Filters": [{"Pattern": json.dumps({"body": ["wanted"]})}]}


def _send(server: Server, url: str, *bodies: str) -> None:
    for body in bodies:
        server.own_client("sqs").send_message(QueueUrl=url, MessageBody=body)


def _bodies(records: list[dict[str, Any]]) -> list[str]:
    return [record["body"] for record in records]


def test_filters_are_kept_encrypted_and_a_mapping_ends_where_its_key_does(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "options-sealed")
    url, arn = create_queue(server, name)
    client, kms = server.own_client("lambda"), server.client("kms")
    key, other_key = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    uuid = map_source(server, name, arn, FilterCriteria=_WANTED, KMSKeyArn=key)
    assert client.get_event_source_mapping(UUID=uuid)["FilterCriteria"] == _WANTED
    (listed,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert "FilterCriteria" not in listed
    _send(server, url, "other", "wanted")
    assert _bodies(wait_for_records(sink, name, 1)) == ["wanted"]

    key_id = key.rpartition("/")[2]
    kms.disable_key(KeyId=key_id)
    shown = client.get_event_source_mapping(UUID=uuid)
    assert "FilterCriteria" not in shown
    assert shown["FilterCriteriaError"] == {"ErrorCode": "DisabledException", "Message": f"DisabledException: {key} is disabled."}
    problem = f"PROBLEM: The filter criteria cannot be decrypted: DisabledException: {key} is disabled."
    result = lambda: client.get_event_source_mapping(UUID=uuid).get("LastProcessingResult")  # noqa: E731
    eventually(lambda: result() == problem, what="the end of polling")
    with pytest.raises(ClientError, match="cannot be decrypted with the KMS key: DisabledException"):
        client.update_event_source_mapping(UUID=uuid, KMSKeyArn=other_key)

    kms.enable_key(KeyId=key_id)
    client.update_event_source_mapping(UUID=uuid, KMSKeyArn=other_key)
    wait_for_state(server, uuid, "Enabled")
    kms.disable_key(KeyId=key_id)  # of no consequence any more
    _send(server, url, "other", "wanted")
    assert _bodies(wait_for_records(sink, name, 2)) == ["wanted", "wanted"]
    client.update_event_source_mapping(UUID=uuid, KMSKeyArn="")
    (listed,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert listed["FilterCriteria"] == _WANTED
    assert "KMSKeyArn" not in listed


def test_filters_cannot_be_encrypted_with_a_key_that_is_not_there(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "options-no-key")
    _, arn = create_queue(server, name)
    key = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
    with pytest.raises(ClientError, match="cannot be encrypted with the KMS key: NotFoundException"):
        map_source(server, name, arn, FilterCriteria=_WANTED, KMSKeyArn=key)
    assert server.own_client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"] == []
