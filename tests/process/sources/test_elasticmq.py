"""Queues of a service that is not the companion's: ElasticMQ, asked by long polls."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.brokers.jars import class_path
from tests.support.event_sink import EventSink
from tests.support.event_sources import deploy_recorder, map_source, records_of, wait_for_records
from tests.support.server import Server
from tests.support.toolchains import require_tool
from tests.support.waiting import eventually

pytestmark = pytest.mark.thorough

_ACCOUNT = "000000000000"
_SETTINGS = """
include classpath("application.conf")
rest-sqs {{ enabled = true, bind-port = {port}, bind-hostname = "127.0.0.1" }}
rest-stats {{ enabled = false }}
aws {{ region = us-east-1, accountId = {account} }}
"""


@pytest.fixture(scope="module")
def elasticmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = tmp_path_factory.mktemp("elasticmq") / "elasticmq.conf"
    settings.write_text(_SETTINGS.format(port=port, account=_ACCOUNT))
    command = [require_tool("java"), f"-Dconfig.file={settings}", "-cp", class_path("elasticmq"), "org.elasticmq.server.Main"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: _is_up(port), what="ElasticMQ")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _is_up(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_messages_of_standard_and_fifo_queues(elasticmq: str, start_server: Any, tmp_path: Path) -> None:
    server: Server = start_server("--service", f"sqs={elasticmq}", data_directory=tmp_path / "data")
    sqs = server.client("sqs", account=_ACCOUNT)
    answer = """
def answer(event):
    if any(r["body"].endswith("0") and r["attributes"]["ApproximateReceiveCount"] == "1" for r in event["Records"]):
        raise ValueError("the first time")
"""
    with EventSink() as sink:
        standard, fifo = deploy_recorder(server, sink, "standard"), deploy_recorder(server, sink, "fifo", answer)
        url = sqs.create_queue(QueueName="standard")["QueueUrl"]
        fifo_url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "1"})["QueueUrl"]
        uuid = map_source(server, standard, f"arn:aws:sqs:us-east-1:{_ACCOUNT}:standard")
        map_source(server, fifo, f"arn:aws:sqs:us-east-1:{_ACCOUNT}:q.fifo")
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
