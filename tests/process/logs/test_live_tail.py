"""StartLiveTail: boto3 and the AWS CLI see events as they come."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import Server

NewGroup = Callable[[], str]


def arn_of(group: str) -> str:
    return f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"


def put(server: Server, group: str, *messages: str) -> None:
    now = time.time_ns() // 1_000_000
    server.client("logs").put_log_events(
        logGroupName=group, logStreamName="stream", logEvents=[{"timestamp": now, "message": message} for message in messages]
    )


def test_events_are_seen_as_they_come(server: Server, new_group: NewGroup) -> None:
    group = new_group()
    client = server.client("logs", inject_host_prefix=False)
    stream = client.start_live_tail(logGroupIdentifiers=[arn_of(group)], logEventFilterPattern="ERROR")["responseStream"]
    try:
        messages = iter(stream)
        start = next(messages)["sessionStart"]
        assert start["logGroupIdentifiers"] == [arn_of(group)]
        put(server, group, "ERROR one", "fine", "ERROR two")
        found: list[dict[str, Any]] = []
        while len(found) < 2:
            update = next(messages)["sessionUpdate"]
            assert update["sessionMetadata"] == {"sampled": False}
            found += update["sessionResults"]
        assert [event["message"] for event in found] == ["ERROR one", "ERROR two"]
        assert {event["logStreamName"] for event in found} == {"stream"}
        assert {event["logGroupIdentifier"] for event in found} == {arn_of(group)}
    finally:
        stream.close()


def test_what_may_not_be_is_refused(server: Server, new_group: NewGroup) -> None:
    client, group = server.client("logs", inject_host_prefix=False), new_group()
    for expected, parameters in (
        ("ResourceNotFoundException", {"logGroupIdentifiers": [arn_of("/app/missing")]}),
        ("InvalidParameterException", {"logGroupIdentifiers": [arn_of(group)], "logEventFilterPattern": "{"}),
    ):
        with pytest.raises(ClientError) as caught:
            client.start_live_tail(**parameters)
        assert caught.value.response["Error"]["Code"] == expected
