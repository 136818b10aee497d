"""Event patterns at EventBridge itself: every recorded one decides as on AWS, asked and with events that are really put."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import Server

_RECORDED = json.loads((Path(__file__).parents[2] / "parity" / "recorded" / "patterns" / "event-patterns.json").read_text())
_INVALID = [case for case in _RECORDED if case["expected"] == "invalid pattern"]
_VALID = [case for case in _RECORDED if case["expected"] != "invalid pattern"]
_AT_ONCE = 10


def test_a_pattern_that_is_asked_about_says_what_it_says_on_aws(server: Server) -> None:
    events = server.client("events")
    said = {}
    for case in _RECORDED:
        try:
            answer = events.test_event_pattern(EventPattern=json.dumps(case["pattern"]), Event=json.dumps(case["event"]))
            said[case["name"]] = "match" if answer["Result"] else "no match"
        except events.exceptions.InvalidEventPatternException:
            said[case["name"]] = "invalid pattern"
    assert said == {case["name"]: case["expected"] for case in _RECORDED}


def test_events_that_are_put_reach_the_targets_of_the_rules_that_they_reach_on_aws(server: Server) -> None:
    """Within `detail`, where clients say everything that an event holds."""
    events, sqs = server.client("events"), server.client("sqs")
    url = sqs.create_queue(QueueName="matched")["QueueUrl"]
    for case in _VALID:
        name = case["name"]
        events.put_rule(Name=name, EventPattern=json.dumps({"source": [name], "detail": case["pattern"]}))
        target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:000000000000:matched", "Input": json.dumps(name)}
        events.put_targets(Rule=name, Targets=[target])
    entries = [{"Source": case["name"], "DetailType": "case", "Detail": json.dumps(case["event"])} for case in _VALID]
    for start in range(0, len(entries), _AT_ONCE):
        assert events.put_events(Entries=entries[start : start + _AT_ONCE])["FailedEntryCount"] == 0
    reached = set()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        reached |= {json.loads(message["Body"]) for message in messages}
    assert reached == {case["name"] for case in _VALID if case["expected"] == "match"}


@pytest.mark.parametrize("case", _INVALID, ids=[case["name"] for case in _INVALID])
def test_a_rule_with_a_pattern_that_is_none_is_refused(server: Server, case: dict[str, Any]) -> None:
    events = server.client("events")
    with pytest.raises(ClientError) as refused:
        events.put_rule(Name="refused", EventPattern=json.dumps(case["pattern"]))
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"].startswith("Event pattern is not valid. Reason: ")) == ("InvalidEventPatternException", True)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="refused")


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}])
def test_what_the_companion_asks_nobody_else_may_ask(server: Server, headers: dict[str, str]) -> None:
    url = f"{server.endpoint_url}/_alonzo/companion/patterns"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, data=b'{"pattern": "{}"}', headers=headers), timeout=20)
    with refused.value as answer:
        assert answer.status == 403


def test_events_in_the_name_of_aws_are_refused(server: Server) -> None:
    entries = [{"Source": "aws.s3", "DetailType": "x", "Detail": "{}"}, {"Source": "mine", "DetailType": "x", "Detail": "{}"}]
    answer = server.client("events").put_events(Entries=entries)
    refused, taken = answer["Entries"]
    assert (answer["FailedEntryCount"], refused["ErrorCode"]) == (1, "NotAuthorizedForSourceException")
    assert taken["EventId"]
