"""A shard has one poller among all workers, and another one when its worker is gone."""

import base64
import json
import signal
from typing import Any

import pytest
from tests.support.event_sink import EventSink
from tests.support.event_sources import create_stream, deploy_recorder, map_source, records_of, wait_for_records
from tests.support.server import Server
from tests.support.waiting import eventually
from tests.support.workers import workers_of

pytestmark = pytest.mark.thorough

_SHARDS, _KEYS, _AT_ONCE = 4, 12, 10


def _put(server: Server, stream: str, numbers: range) -> None:
    records = [{"PartitionKey": f"key-{key}", "Data": json.dumps([key, number]).encode()} for number in numbers for key in range(_KEYS)]
    server.client("kinesis").put_records(StreamName=stream, Records=records)


def _numbers(sink: EventSink, name: str) -> dict[int, list[int]]:
    numbers: dict[int, list[int]] = {key: [] for key in range(_KEYS)}
    for record in records_of(sink, name):
        key, number = json.loads(base64.b64decode(record["kinesis"]["data"]))
        numbers[key].append(number)
    return numbers


def test_a_record_is_processed_by_one_worker_and_by_another_one_after_its_end(start_server: Any) -> None:
    server = start_server("--workers", "3")
    with EventSink() as sink:
        name = deploy_recorder(server, sink, "shared")
        arn = create_stream(server, name, _SHARDS)
        map_source(server, name, arn, StartingPosition="TRIM_HORIZON", BatchSize=7)
        _put(server, name, range(_AT_ONCE))
        wait_for_records(sink, name, _KEYS * _AT_ONCE)
        assert _numbers(sink, name) == {key: list(range(_AT_ONCE)) for key in range(_KEYS)}
        for worker in workers_of(server)[:2]:
            worker.send_signal(signal.SIGKILL)
        _put(server, name, range(_AT_ONCE, 2 * _AT_ONCE))

        def all_have_come() -> bool:
            return all(set(numbers) == set(range(2 * _AT_ONCE)) for numbers in _numbers(sink, name).values())

        eventually(all_have_come, what="all records", within_seconds=60)
    for numbers in _numbers(sink, name).values():
        assert sorted(set(numbers), key=numbers.index) == list(range(2 * _AT_ONCE))
