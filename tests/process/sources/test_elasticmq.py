"""Queues of a service that is not the companion's: ElasticMQ, asked by long polls."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.brokers.elasticmq import ACCOUNT, ElasticMq
from tests.support.event_sink import EventSink
from tests.support.event_sources import deploy_recorder, map_source, records_of, wait_for_records
from tests.support.server import Server
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def elasticmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElasticMq]:
    running = ElasticMq.start(tmp_path_factory.mktemp("elasticmq"))
    yield running
    running.stop()


def test_messages_of_standard_and_fifo_queues(elasticmq: ElasticMq, sink: EventSink, tmp_path: Path) -> None:
    answer = """
def answer(event):
    if any(r["body"].endswith("0") and r["attributes"]["ApproximateReceiveCount"] == "1" for r in event["Records"]):
        raise ValueError("the first time")
"""
    with Server.start("--service", f"sqs={elasticmq.url}", data_directory=tmp_path / "data") as server:
        sqs = server.client("sqs", account=ACCOUNT)
        standard, fifo = deploy_recorder(server, sink, "elastic-standard"), deploy_recorder(server, sink, "elastic-fifo", answer)
        url = sqs.create_queue(QueueName="standard")["QueueUrl"]
        fifo_url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "1"})["QueueUrl"]
        uuid = map_source(server, standard, f"arn:aws:sqs:us-east-1:{ACCOUNT}:standard")
        map_source(server, fifo, f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo")
        attributes = {"text": {"DataType": "String", "StringValue": "x"}}
        sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)
        (record,) = wait_for_records(sink, standard, 1)
        assert (record["body"], record["messageAttributes"]["text"]["stringValue"]) == ("hello", "x")
        for number in range(4):
            for group in "ab":
                body = f"{group}{number}"
                sqs.send_message(QueueUrl=fifo_url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body)
        wanted = {f"{group}{number}" for group in "ab" for number in range(4)}
        eventually(lambda: {record["body"] for record in records_of(sink, fifo)} >= wanted, what="all messages")
        for group in "ab":
            bodies = [record["body"] for record in records_of(sink, fifo) if record["body"].startswith(group)]
            assert sorted(set(bodies), key=bodies.index) == [f"{group}{number}" for number in range(4)]
        server.own_client("lambda").delete_event_source_mapping(UUID=uuid)  # a long poll is broken off at once
        mappings = lambda: server.own_client("lambda").list_event_source_mappings(FunctionName=standard)["EventSourceMappings"]  # noqa: E731
        eventually(lambda: not mappings(), what="the end of the mapping", within_seconds=15)
