"""Records of a stream are processed while the function fails and is throttled and the node is killed, at random moments: a test, or
`python -m tests.crash.stream_storm`. The stream and the failure destination are in a process of their own and survive.
"""

import contextlib
import json
import random
import tempfile
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from tests.support.aws_peer import ACCOUNT, AwsPeer
from tests.support.event_sink import EventSink
from tests.support.server import Server
from tests.support.waiting import eventually

_NAME, _STREAM = "storm", "storm"
_KEYS = 40
_POISON_EVERY = 250
_PUT_AT_ONCE = 100

_HANDLER = """
import base64, json, os, random, urllib.request

def handler(event, context):
    records = [json.loads(base64.b64decode(record["kinesis"]["data"])) for record in event["Records"]]
    if random.random() < 0.1:
        raise ValueError("bad luck")
    if any(record["is_poison"] for record in records):
        raise ValueError("poison")
    ids = [[record["key"], record["number"]] for record in records]
    report = urllib.request.Request(os.environ["SINK"] + "/ran", data=json.dumps({"id": ids}).encode())
    urllib.request.urlopen(report).read()
"""

Id = tuple[str, int]


@dataclass(frozen=True)
class StormReport:
    """What came of it. Lost: neither processed nor told to the destination. `early`: processed before one of its key that precedes it."""

    record_count: int
    lost: list[Id]
    early: list[Id]
    untold_poison: list[Id]
    repeated_count: int
    given_up_count: int
    kill_count: int
    throttle_count: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.record_count} records, {self.kill_count} kills, {self.throttle_count} times throttled, {self.seconds:.0f} s\n"
            f"lost: {len(self.lost)}; out of order: {len(self.early)}; poison that nobody was told of: {len(self.untold_poison)}\n"
            f"at the failure destination: {self.given_up_count}; processed again: {self.repeated_count}"
        )


def run_storm(*, data_directory: Path, record_count: int, kill_count: int, seed: int, shard_count: int = 4) -> StormReport:
    """Feed, kill, throttle, wait until every record is accounted for, count."""
    with AwsPeer.start() as peer, EventSink() as sink:
        storm = _Storm(peer=peer, sink=sink, data_directory=data_directory, moments=random.Random(seed))
        try:
            return storm.run(record_count=record_count, kill_count=kill_count, shard_count=shard_count)
        finally:
            storm.server.stop()


class _Storm:
    def __init__(self, *, peer: AwsPeer, sink: EventSink, data_directory: Path, moments: random.Random) -> None:
        self._peer = peer
        self._sink = sink
        self._data_directory = data_directory
        self._moments = moments
        self._put: dict[str, tuple[Id, bool]] = {}
        self._is_over = threading.Event()
        self._throttle_count = 0
        self._given_up: set[Id] = set()
        self.server = self._start()

    def run(self, *, record_count: int, kill_count: int, shard_count: int) -> StormReport:
        began_at = time.monotonic()
        self._set_up(shard_count)
        threads = [threading.Thread(target=self._feed, args=(record_count,)), threading.Thread(target=self._throttle)]
        for thread in threads:
            thread.start()
        try:
            for number in range(kill_count):
                wanted = (number + 1) * record_count // (kill_count + 1)
                eventually(lambda wanted=wanted: len(self._processed()) >= wanted, what=f"{wanted} records", within_seconds=600)
                time.sleep(self._moments.random() * 0.3)
                self.server.kill()
                self.server = self._start()
            eventually(lambda: self._is_done(record_count), what="the end of every record", within_seconds=600)
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()
        return self._report(kill_count, time.monotonic() - began_at)

    def _start(self) -> Server:
        options = [option for service in ("kinesis", "sqs") for option in ("--service", f"{service}={self._peer.endpoint_url}")]
        return Server.start(*options, data_directory=self._data_directory)

    def _set_up(self, shard_count: int) -> None:
        self._peer.client("kinesis").create_stream(StreamName=_STREAM, ShardCount=shard_count)
        self._destination, destination_arn = self._peer.create_queue("given-up")
        self.server.deploy(_NAME, _HANDLER, Environment={"Variables": {"SINK": self._sink.url}})
        self.server.client("lambda").create_event_source_mapping(
            FunctionName=_NAME,
            EventSourceArn=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{_STREAM}",
            StartingPosition="TRIM_HORIZON",
            BatchSize=50,
            ParallelizationFactor=2,
            BisectBatchOnFunctionError=True,
            MaximumRetryAttempts=2,
            DestinationConfig={"OnFailure": {"Destination": destination_arn}},
        )

    def _feed(self, record_count: int) -> None:
        kinesis, numbers = self._peer.client("kinesis"), Counter[str]()
        for start in range(0, record_count, _PUT_AT_ONCE):
            ids = []
            for index in range(start, min(start + _PUT_AT_ONCE, record_count)):
                key = f"key-{self._moments.randrange(_KEYS)}"
                numbers[key] += 1
                ids.append(((key, numbers[key]), index % _POISON_EVERY == _POISON_EVERY - 1))
            records = [
                {"PartitionKey": key, "Data": json.dumps({"key": key, "number": number, "is_poison": is_poison}).encode()}
                for (key, number), is_poison in ids
            ]
            answer = kinesis.put_records(StreamName=_STREAM, Records=records)
            for each, result in zip(ids, answer["Records"], strict=True):
                self._put[f"{result['ShardId']}:{result['SequenceNumber']}"] = each

    def _throttle(self) -> None:
        """Now and then the function may not run at all, or only a little."""
        while not self._is_over.wait(0.5 + self._moments.random()):
            with contextlib.suppress(BotoCoreError, ClientError):
                client = self.server.client("lambda", read_timeout=5)
                client.put_function_concurrency(FunctionName=_NAME, ReservedConcurrentExecutions=self._moments.choice((0, 1)))
                self._throttle_count += 1
                self._is_over.wait(0.3)
            while not self._is_over.is_set():
                try:
                    self.server.client("lambda", read_timeout=5).delete_function_concurrency(FunctionName=_NAME)
                    break
                except (BotoCoreError, ClientError):
                    self._is_over.wait(0.1)

    def _processed(self) -> set[Id]:
        return {(key, number) for report in list(self._sink.reports) for key, number in report["id"]}

    def _is_done(self, record_count: int) -> bool:
        self._read_destination()
        return len(self._processed() | self._given_up) >= record_count

    def _read_destination(self) -> None:
        for message in self._peer.receive(self._destination):
            info = json.loads(message["Body"])["KinesisBatchInfo"]
            for number in range(int(info["startSequenceNumber"]), int(info["endSequenceNumber"]) + 1):
                found = self._put.get(f"{info['shardId']}:{number}")
                if found is not None and (info["batchSize"] == 1 or number in (info["startSequenceNumber"], info["endSequenceNumber"])):
                    self._given_up.add(found[0])

    def _report(self, kill_count: int, seconds: float) -> StormReport:
        self._read_destination()
        ids = {found[0] for found in self._put.values()}
        poison = {found[0] for found in self._put.values() if found[1]}
        runs = [(key, number) for report in self._sink.reports for key, number in report["id"]]
        return StormReport(
            record_count=len(ids),
            lost=sorted(ids - self._processed() - self._given_up),
            early=_early(runs, self._given_up),
            untold_poison=sorted(poison - self._given_up),
            repeated_count=len(runs) - len(set(runs)),
            given_up_count=len(self._given_up),
            kill_count=kill_count,
            throttle_count=self._throttle_count,
            seconds=seconds,
        )


def _early(runs: list[Id], given_up: set[Id]) -> list[Id]:
    """Records that were processed for the first time when one before them had neither been processed nor was given up."""
    early, next_numbers = [], defaultdict[str, int](lambda: 1)
    seen: set[Id] = set()
    for key, number in runs:
        if (key, number) in seen:
            continue
        seen.add((key, number))
        while (key, next_numbers[key]) in given_up and (key, next_numbers[key]) != (key, number):
            next_numbers[key] += 1
        if number != next_numbers[key]:
            early.append((key, number))
        next_numbers[key] = max(next_numbers[key], number + 1)
    return early


@click.command()
@click.option("--records", default=20_000, show_default=True, type=click.IntRange(min=1))
@click.option("--kills", default=10, show_default=True, type=click.IntRange(min=0))
@click.option("--seed", default=1, show_default=True)
def main(records: int, kills: int, seed: int) -> None:
    """Have a stream processed through kills and throttles, and say what came of it."""
    with tempfile.TemporaryDirectory() as directory:
        report: Any = run_storm(data_directory=Path(directory) / "data", record_count=records, kill_count=kills, seed=seed)
    click.echo(report)
    if report.lost or report.early or report.untold_poison:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
