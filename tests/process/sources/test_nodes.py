"""Nodes that share a store, and know nothing of each other: each shard has one poller among them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.brokers.programs import Program, listens
from tests.support.event_sink import EventSink
from tests.support.event_sources import create_stream, deploy_recorder, map_source, records_of, wait_for_records
from tests.support.ports import free_port
from tests.support.server import Server
from tests.support.waiting import eventually

from alonzo.store.server import find_nats_server

pytestmark = pytest.mark.thorough

_SHARDS, _KEYS, _AT_ONCE = 4, 12, 10


@pytest.fixture
def nats_url(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = [str(find_nats_server()), "-js", "-sd", str(tmp_path / "nats"), "-a", "127.0.0.1", "-p", str(port)]
    program = Program.start(command, directory=tmp_path)
    program.wait_until(lambda _: listens(port))
    yield f"nats://127.0.0.1:{port}"
    program.stop()


def _put(server: Server, stream: str, numbers: range) -> None:
    records = [{"PartitionKey": f"key-{key}", "Data": json.dumps([key, number]).encode()} for number in numbers for key in range(_KEYS)]
    server.own_client("kinesis").put_records(StreamName=stream, Records=records)


def _numbers(sink: EventSink, name: str) -> dict[int, list[int]]:
    numbers: dict[int, list[int]] = {key: [] for key in range(_KEYS)}
    for record in records_of(sink, name):
        key, number = json.loads(base64.b64decode(record["kinesis"]["data"]))
        numbers[key].append(number)
    return numbers


def test_a_record_is_processed_by_one_node_and_by_the_other_one_after_its_end(
    server: Server, sink: EventSink, nats_url: str, tmp_path: Path
) -> None:
    name = "shared-by-nodes"
    arn = create_stream(server, name, _SHARDS)
    options = ("--nats", nats_url, "--service", f"kinesis={server.endpoint_url}")
    nodes = [Server.start(*options, data_directory=tmp_path / f"node-{number}") for number in range(2)]
    try:
        deploy_recorder(nodes[0], sink, name)
        uuid = map_source(nodes[0], name, arn, StartingPosition="TRIM_HORIZON", BatchSize=7)
        _put(server, name, range(_AT_ONCE))
        wait_for_records(sink, name, _KEYS * _AT_ONCE)
        assert _numbers(sink, name) == {key: list(range(_AT_ONCE)) for key in range(_KEYS)}
        nodes[0].kill()
        _put(server, name, range(_AT_ONCE, 2 * _AT_ONCE))

        def all_have_come() -> bool:
            return all(set(numbers) == set(range(2 * _AT_ONCE)) for numbers in _numbers(sink, name).values())

        eventually(all_have_come, what="all records", within_seconds=90)
        assert nodes[1].client("lambda").get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    finally:
        for node in nodes:
            node.stop()
    for numbers in _numbers(sink, name).values():
        assert sorted(set(numbers), key=numbers.index) == list(range(2 * _AT_ONCE))
