"""Logs Insights over the API: of what functions log, and of what clients write."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import invoke, wait_for_log
from tests.support.server import Server
from tests.support.waiting import eventually

NewGroup = Callable[[], str]
WRITES = """
import json

def handler(event, context):
    for number in range(event):
        print(json.dumps({"level": "INFO" if number % 2 else "ERROR", "number": number, "at": {"place": "here"}}))
"""


def ask(server: Server, group: str, query: str, **parameters: Any) -> tuple[list[dict[str, str]], dict[str, Any]]:
    logs, now = server.client("logs"), int(time.time())
    query_id = logs.start_query(logGroupName=group, startTime=now - 3_600, endTime=now + 60, queryString=query, **parameters)["queryId"]

    def answer() -> dict[str, Any] | None:
        found: dict[str, Any] = logs.get_query_results(queryId=query_id)
        return found if found["status"] not in {"Scheduled", "Running"} else None

    found = eventually(answer, what="the end of the query")
    assert found["status"] == "Complete"
    return [{each["field"]: each["value"] for each in row} for row in found["results"]], found


def test_what_a_function_has_logged_is_queried(server: Server) -> None:
    name = server.deploy("queried", WRITES)
    request_id = invoke(server, name, 10).request_id
    wait_for_log(server, name, "REPORT RequestId")
    group = f"/aws/lambda/{name}"
    rows, answer = ask(server, group, 'filter level = "ERROR" and at.place = "here" | stats count(*) as n, max(number) as highest by level')
    assert rows == [{"level": "ERROR", "n": "5", "highest": "8"}]
    assert answer["statistics"]["recordsScanned"] >= 13
    assert answer["statistics"]["recordsMatched"] == 5
    (row,), _ = ask(
        server, group, "filter @type = 'REPORT' | fields @requestId, @duration, @maxMemoryUsed / 1000 / 1000 as mb, @initDuration"
    )
    assert row["@requestId"] == request_id
    assert float(row["@duration"]) > 0
    assert float(row["mb"]) > 1
    rows, _ = ask(server, group, "fields number | filter ispresent(number) | sort number desc", limit=3)
    assert [row["number"] for row in rows] == ["9", "8", "7"]
    (latest, *_) = server.client("logs").describe_queries(logGroupName=group, status="Complete")["queries"]
    assert latest["queryString"].startswith("fields number")


def test_what_is_no_query_is_refused(server: Server, new_group: NewGroup) -> None:
    logs, group = server.client("logs"), new_group()
    with pytest.raises(ClientError) as caught:
        logs.start_query(logGroupName=group, startTime=0, endTime=1, queryString="fields @timestamp | count()")
    assert caught.value.response["Error"]["Code"] == "MalformedQueryException"
    assert caught.value.response["Error"]["Message"] == "unexpected symbol found count at line 1 and position 20"
    assert caught.value.response["queryCompileError"]["location"] == {"startCharOffset": 20, "endCharOffset": 25}
    for parameters in ({"logGroupName": "/app/missing"}, {"logGroupNames": [group, "/app/missing"]}):
        with pytest.raises(logs.exceptions.ResourceNotFoundException):
            logs.start_query(startTime=0, endTime=1, queryString="fields @message", **parameters)
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.start_query(startTime=0, endTime=1, queryString="fields @message")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_query_results(queryId="00000000-0000-4000-8000-000000000000")


def test_a_query_that_has_ended_cannot_be_stopped(server: Server, new_group: NewGroup) -> None:
    group = new_group()
    ask(server, group, "fields @message")
    logs = server.client("logs")
    (query, *_) = logs.describe_queries(logGroupName=group)["queries"]
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.stop_query(queryId=query["queryId"])
