"""What has been answered is forgotten."""

import json

import psutil
from tests.support.server import Server


def test_a_connection_does_not_hold_the_requests_that_it_has_carried(server: Server) -> None:
    server.deploy("counting", "def handler(event, context): return len(event)")
    client, node = server.client("lambda"), psutil.Process(server.process.pid)
    payload = json.dumps("x" * 50_000)

    def megabytes_after_many() -> float:
        for _ in range(500):
            assert client.invoke(FunctionName="counting", Payload=payload)["Payload"].read() == b"50000"
        return float(node.memory_info().rss / 1e6)

    before = megabytes_after_many()
    assert megabytes_after_many() - before < 10, "the requests between were 25 MB"
