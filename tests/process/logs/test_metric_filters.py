"""Metric filters over the API: what clients and functions log is counted, and what is no filter is refused."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import succeed, wait_for_log
from tests.support.metrics import metric_values, wait_for_sum
from tests.support.server import Server
from tests.support.waiting import eventually

NewGroup = Callable[[], str]


def put_filter(server: Server, group: str, name: str, pattern: str, **transformation: Any) -> None:
    wanted = {"metricNamespace": "Shop", "metricValue": "1"} | transformation
    server.client("logs").put_metric_filter(logGroupName=group, filterName=name, filterPattern=pattern, metricTransformations=[wanted])


def write(server: Server, group: str, *messages: str, seconds_ago: int = 0) -> None:
    now = int((time.time() - seconds_ago) * 1_000)
    events = [{"timestamp": now, "message": message} for message in messages]
    server.client("logs").put_log_events(logGroupName=group, logStreamName="stream", logEvents=events)


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_events_are_counted(server: Server, new_group: NewGroup) -> None:
    group = new_group()
    put_filter(server, group, "errors", "ERROR", metricName="filtered-errors")
    put_filter(
        server,
        group,
        "sizes",
        '{ $.kind = "order" }',
        metricName="filtered-sizes",
        metricValue="$.size",
        unit="Bytes",
        dimensions={"Customer": "$.customer.name"},
    )
    put_filter(server, group, "columns", "[ip, status = 5*, bytes]", metricName="filtered-bytes", metricValue="$bytes")
    order = {"kind": "order", "customer": {"name": "ada"}}
    write(server, group, "an ERROR", "nothing", *(json.dumps(order | {"size": size}) for size in (10, 32)), "1.2.3.4 503 17", "ERROR again")
    wait_for_sum(server, "filtered-errors", 2, namespace="Shop")
    wait_for_sum(server, "filtered-sizes", 42, namespace="Shop", Customer="ada")
    wait_for_sum(server, "filtered-bytes", 17, namespace="Shop")
    assert max(metric_values(server, "filtered-sizes", "Maximum", namespace="Shop", Customer="ada")) == 32


def test_the_default_value_stands_for_minutes_with_events_without_a_match(server: Server, new_group: NewGroup) -> None:
    group = new_group()
    put_filter(server, group, "errors", "ERROR", metricName="with-default", metricValue="5", defaultValue=2)
    write(server, group, "nothing", seconds_ago=300)
    eventually(lambda: metric_values(server, "with-default", "Sum", namespace="Shop") == [2] or None, what="the default value")
    write(server, group, "an ERROR", "nothing", seconds_ago=150)
    eventually(lambda: metric_values(server, "with-default", "Sum", namespace="Shop") == [2, 5] or None, what="the value beside it")


def test_what_functions_log_is_counted(server: Server) -> None:
    name = server.deploy("is-counted", "def handler(event, context):\n    print('COUNT', event)\n")
    succeed(server, name, 1)
    group = f"/aws/lambda/{name}"
    wait_for_log(server, name, "REPORT RequestId")  # what comes later than the filter is counted
    put_filter(server, group, "numbers", "[word = COUNT, number]", metricName="counted-numbers", metricValue="$number")
    succeed(server, name, 20)
    succeed(server, name, 22)
    wait_for_sum(server, "counted-numbers", 42, namespace="Shop")


def test_filters_are_described_changed_and_deleted(server: Server, new_group: NewGroup) -> None:
    group, other, logs = new_group(), new_group(), server.client("logs")
    put_filter(server, group, "b", "[a]", metricName="described", metricValue="$a", dimensions={"A": "$a"}, unit="Count")
    put_filter(server, group, "a", "x", metricName="described", defaultValue=0)
    put_filter(server, other, "a", "x", metricName="other")
    found = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert [each["filterName"] for each in found] == ["a", "b"]
    assert found[0]["metricTransformations"] == [
        {"metricName": "described", "metricNamespace": "Shop", "metricValue": "1", "defaultValue": 0.0}
    ]
    assert found[1]["metricTransformations"][0]["dimensions"] == {"A": "$a"}
    by_metric = logs.describe_metric_filters(metricName="described", metricNamespace="Shop", limit=1)
    assert [(each["logGroupName"], each["filterName"]) for each in by_metric["metricFilters"]] == [(group, "a")]
    rest = logs.describe_metric_filters(metricName="described", metricNamespace="Shop", nextToken=by_metric["nextToken"])
    assert [each["filterName"] for each in rest["metricFilters"]] == ["b"]
    put_filter(server, group, "a", "y", metricName="changed")
    (changed,) = logs.describe_metric_filters(logGroupName=group, filterNamePrefix="a")["metricFilters"]
    assert (changed["filterPattern"], changed["creationTime"]) == ("y", found[0]["creationTime"])
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["metricFilterCount"] == 2
    logs.delete_metric_filter(logGroupName=group, filterName="a")
    assert [each["filterName"] for each in logs.describe_metric_filters(logGroupName=group)["metricFilters"]] == ["b"]
    assert refused(logs.delete_metric_filter, logGroupName=group, filterName="a") == (
        "ResourceNotFoundException",
        "The specified metric filter does not exist.",
    )


def test_what_is_no_metric_filter_is_refused(server: Server, new_group: NewGroup) -> None:
    group, logs = new_group(), server.client("logs")
    of = {"logGroupName": group, "filterName": "f", "filterPattern": "ERROR"}
    transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}

    def refuse(change: dict[str, Any], **parameters: Any) -> tuple[str, str]:
        return refused(logs.put_metric_filter, **(of | parameters), metricTransformations=[transformation | change])

    assert refuse({"dimensions": {"a": "$.a"}}) == (
        "InvalidParameterException",
        "The specified filter pattern does not support dimensions",
    )
    assert refuse({}, filterPattern="{ $.a")[0] == "InvalidParameterException"
    assert refuse({"metricName": "a:b"})[0] == "InvalidParameterException"
    assert refuse({}, logGroupName="nobodys")[0] == "ResourceNotFoundException"
    assert logs.describe_metric_filters(logGroupName=group)["metricFilters"] == []


@pytest.mark.thorough
def test_a_group_has_no_more_than_100_metric_filters(server: Server, new_group: NewGroup) -> None:
    group = new_group()
    for number in range(100):
        put_filter(server, group, f"f{number}", "ERROR", metricName="m")
    put_filter(server, group, "f7", "WARN", metricName="m")
    with pytest.raises(ClientError, match=r"LimitExceededException.*Resource limit exceeded"):
        put_filter(server, group, "another", "ERROR", metricName="m")


def test_a_pattern_is_tried(server: Server) -> None:
    answer = server.client("logs").test_metric_filter(filterPattern="[ip, , size]", logEventMessages=["no", "1.2.3.4 me 10"])
    assert answer["matches"] == [
        {"eventNumber": 2, "eventMessage": "1.2.3.4 me 10", "extractedValues": {"$ip": "1.2.3.4", "$2": "me", "$size": "10"}}
    ]


def test_a_query_leads_back_to_the_event(server: Server, new_group: NewGroup) -> None:
    group, logs, now = new_group(), server.client("logs"), int(time.time())
    message = json.dumps({"level": "ERROR", "at": {"place": 3}})
    write(server, group, "another", message)
    query = 'filter level = "ERROR" | fields @timestamp'
    query_id = logs.start_query(logGroupName=group, startTime=now - 60, endTime=now + 60, queryString=query)["queryId"]
    eventually(lambda: logs.get_query_results(queryId=query_id)["status"] == "Complete" or None, what="the end of the query")
    (row,) = logs.get_query_results(queryId=query_id)["results"]
    pointer = next(each["value"] for each in row if each["field"] == "@ptr")
    record = logs.get_log_record(logRecordPointer=pointer)["logRecord"]
    assert record["@message"] == message
    assert (record["@logStream"], record["level"], record["at.place"]) == ("stream", "ERROR", "3")
    for wrong in (f"{group}|1", f"{group}|{'9' * 18}-0", f"{new_group()}|{pointer.rpartition('|')[2]}", f"{group}|-1--1"):
        assert refused(logs.get_log_record, logRecordPointer=wrong)[0] == "ResourceNotFoundException"
    assert refused(logs.get_log_record, logRecordPointer="nonsense")[0] == "ResourceNotFoundException"
