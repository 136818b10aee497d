"""Targets that do not take an event at once."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.waiting import eventually

ACCOUNT = "000000000000"


class Topics(HTTPServer):
    """An SNS that refuses at first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusals_left = 1
        self.request_count = 0


class _Handler(BaseHTTPRequestHandler):
    server: Topics

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.request_count += 1
        if self.server.refusals_left > 0:
            self.server.refusals_left -= 1
            self._answer(503, b"")
        else:
            result = b"<PublishResult><MessageId>1</MessageId></PublishResult>"
            self._answer(200, b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">' + result + b"</PublishResponse>")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture
def topics() -> Iterator[Topics]:
    with Topics() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_target_that_is_away_gets_the_event_later_and_over_a_kill(start_server: StartServer, topics: Topics, tmp_path: Any) -> None:
    options = ("--service", f"sns=http://127.0.0.1:{topics.server_port}")
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
