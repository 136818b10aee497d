"""Targets that do not take an event at once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.http_server import LocalHttpHandler, LocalHttpServer
from tests.support.waiting import eventually

ACCOUNT = "000000000000"


class Topics(LocalHttpServer):
    """An SNS that refuses at first."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.refusals_left = 1
        self.request_count = 0


class _Handler(LocalHttpHandler):
    server: Topics

    def do_POST(self) -> None:
        self.body()
        self.server.request_count += 1
        if self.server.refusals_left > 0:
            self.server.refusals_left -= 1
            self.answer(status=503)
        else:
            result = b"<PublishResult><MessageId>1</MessageId></PublishResult>"
            self.answer(b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">' + result + b"</PublishResponse>")


@pytest.fixture
def topics() -> Iterator[Topics]:
    with Topics() as running:
        yield running


def test_a_target_that_is_away_gets_the_event_later_and_over_a_kill(start_server: StartServer, topics: Topics, tmp_path: Any) -> None:
    options = ("--service", f"sns={topics.url}")
    server = start_server(*options, data_directory=tmp_path / "data")
    events, sqs = server.client("events"), server.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"}
    events.put_rule(Name="rule", EventPattern='{"source": ["shop"]}')
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"
    put: dict[str, Any] = {"Entries": [{"Source": "shop", "DetailType": "order", "Detail": "{}"}]}

    events.put_targets(
        Rule="rule", Targets=[{"Id": "1", "Arn": topic, "DeadLetterConfig": dead, "RetryPolicy": {"MaximumRetryAttempts": 1}}]
    )
    events.put_events(**put)
    eventually(lambda: topics.request_count == 2 or None, what="a second try")

    topics.refusals_left = 2
    events.put_events(**put)
    found = eventually(
        lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages"), what="a dead letter"
    )
    attributes = {name: value["StringValue"] for name, value in found[0]["MessageAttributes"].items()}
    assert (attributes["RETRY_ATTEMPTS"], attributes["EXHAUSTED_RETRY_CONDITION"]) == ("1", "MaximumRetryAttempts")
    assert json.loads(found[0]["Body"])["source"] == "shop"

    topics.refusals_left = 1_000
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": topic}])
    events.put_events(**put)
    server.kill()
    topics.refusals_left, topics.request_count = 0, 0
    start_server(*options, data_directory=tmp_path / "data")
    eventually(lambda: topics.request_count == 1 or None, what="the try after the kill")
