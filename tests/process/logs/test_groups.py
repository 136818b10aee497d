"""Log groups: made, listed page by page, tagged, told how long to keep events, deleted; and what is refused."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import Server

NewGroup = Callable[[], str]
DAY_MS = 86_400_000


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def put(server: Server, group: str, *events: tuple[int, str]) -> dict[str, Any]:
    """Events at so many milliseconds from now."""
    now = time.time_ns() // 1_000_000
    answer: dict[str, Any] = server.client("logs").put_log_events(
        logGroupName=group, logStreamName="stream", logEvents=[{"timestamp": now + at, "message": message} for at, message in events]
    )
    return answer


def read(server: Server, group: str, **parameters: Any) -> list[str]:
    return [event["message"] for event in server.client("logs").filter_log_events(logGroupName=group, **parameters)["events"]]


def test_a_group_is_described_and_deleted(server: Server) -> None:
    logs, group = server.client("logs"), "/app/described"
    before = time.time_ns() // 1_000_000
    logs.create_log_group(logGroupName=group, tags={"team": "blue"}, logGroupClass="INFREQUENT_ACCESS")
    (described,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert before <= described.pop("creationTime") <= time.time_ns() // 1_000_000
    assert described == {
        "logGroupName": group,
        "arn": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*",
        "logGroupArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}",
        "metricFilterCount": 0,
        "logGroupClass": "INFREQUENT_ACCESS",
        "deletionProtectionEnabled": False,
    }
    exists = "The specified log group already exists"
    assert refused(logs.create_log_group, logGroupName=group) == ("ResourceAlreadyExistsException", exists)
    logs.delete_log_group(logGroupName=group)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
    missing = ("ResourceNotFoundException", "The specified log group does not exist.")
    assert refused(logs.delete_log_group, logGroupName=group) == missing
    assert refused(logs.put_retention_policy, logGroupName=group, retentionInDays=1) == missing
    assert refused(logs.filter_log_events, logGroupName=group) == missing
    assert refused(logs.get_log_events, logGroupName=group, logStreamName="stream") == missing


def test_groups_are_listed_page_by_page_and_by_a_part_of_their_names(server: Server) -> None:
    logs = server.client("logs")
    names = [f"/app/paged-{number}" for number in range(5)]
    for name in names:
        logs.create_log_group(logGroupName=name)
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/app/paged-", PaginationConfig={"PageSize": 2})
    assert [[group["logGroupName"] for group in page["logGroups"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    found = logs.describe_log_groups(logGroupNamePattern="paged-3")["logGroups"]
    assert [group["logGroupName"] for group in found] == ["/app/paged-3"]
    code, _ = refused(logs.describe_log_groups, logGroupNamePattern="a", logGroupNamePrefix="b")
    assert code == "InvalidParameterException"


def test_tags(server: Server, new_group: NewGroup) -> None:
    logs, group = server.client("logs"), new_group()
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.tag_log_group(logGroupName=group, tags={"b": "3"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "3"}
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"b": "3"}
    code, _ = refused(logs.tag_resource, resourceArn=arn, tags={str(number): "x" for number in range(50)})
    assert code == "TooManyTagsException"
    logs.untag_log_group(logGroupName=group, tags=["b"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def test_a_group_keeps_events_as_long_as_it_is_told(server: Server, new_group: NewGroup) -> None:
    logs, group = server.client("logs"), new_group()
    put(server, group, (-2 * DAY_MS, "old"), (-1_000, "new"))
    assert read(server, group) == ["old", "new"]
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 1
    assert read(server, group) == ["new"]
    events = logs.get_log_events(logGroupName=group, logStreamName="stream")["events"]
    assert [event["message"] for event in events] == ["new"]
    answer = put(server, group, (-2 * DAY_MS, "too old"), (0, "newer"))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert read(server, group) == ["new", "newer"]
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    code, message = refused(logs.put_retention_policy, logGroupName=group, retentionInDays=2)
    assert code == "InvalidParameterException"
    assert message.startswith(
        "1 validation error detected: Value '2' at 'retentionInDays' failed to satisfy constraint: Member must satisfy"
    )


def test_events_are_read_from_both_ends(server: Server, new_group: NewGroup) -> None:
    logs, group = server.client("logs"), new_group()
    put(server, group, *((number * 1_000 - 3 * DAY_MS, str(number)) for number in range(10)))
    put(server, group, *((number - 1_000, str(number)) for number in range(10, 20)))

    def get(**parameters: Any) -> tuple[list[int], dict[str, Any]]:
        answer = logs.get_log_events(logGroupName=group, logStreamName="stream", **parameters)
        return [int(event["message"]) for event in answer["events"]], answer

    numbers, last = get(limit=4)
    assert numbers == [16, 17, 18, 19]
    numbers, before = get(limit=8, nextToken=last["nextBackwardToken"])
    assert numbers == list(range(8, 16))
    numbers, first = get(nextToken=before["nextBackwardToken"])
    assert numbers == list(range(8))
    numbers, nothing = get(nextToken=first["nextBackwardToken"])
    assert numbers == []
    assert nothing["nextBackwardToken"] == first["nextBackwardToken"]
    numbers, _ = get(nextToken=nothing["nextForwardToken"], limit=2)
    assert numbers == [0, 1]
    assert get(startFromHead=True, limit=3)[0] == [0, 1, 2]
    numbers, end = get(nextToken=last["nextForwardToken"])
    assert (numbers, end["nextForwardToken"]) == ([], last["nextForwardToken"])
    put(server, group, (0, "20"))
    assert get(nextToken=end["nextForwardToken"])[0] == [20]
    code, _ = refused(logs.get_log_events, logGroupName=group, logStreamName="stream", nextToken="x/1")
    assert code == "InvalidParameterException"


def test_filtered_events_come_in_pages_that_lose_none(server: Server, new_group: NewGroup) -> None:
    logs, group = server.client("logs"), new_group()
    put(server, group, *((0, f"{'odd' if number % 2 else 'even'} {number}") for number in range(40)))
    paginator = logs.get_paginator("filter_log_events")
    pages = list(paginator.paginate(logGroupName=group, filterPattern="odd", PaginationConfig={"PageSize": 7}))
    assert [len(page["events"]) for page in pages] == [7, 7, 6]
    assert [event["message"] for page in pages for event in page["events"]] == [f"odd {number}" for number in range(1, 40, 2)]


def test_streams_are_listed_by_name_and_by_time(server: Server, new_group: NewGroup) -> None:
    logs, group = server.client("logs"), new_group()
    for name in ("b", "a"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        logs.put_log_events(
            logGroupName=group, logStreamName=name, logEvents=[{"timestamp": time.time_ns() // 1_000_000, "message": "written"}]
        )
    listed = logs.describe_log_streams(logGroupName=group, orderBy="LogStreamName")["logStreams"]
    assert [stream["logStreamName"] for stream in listed] == ["a", "b", "stream"]
    newest = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=1)["logStreams"]
    assert [stream["logStreamName"] for stream in newest] == ["a"]
