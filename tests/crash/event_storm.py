"""Events are accepted and run while node and store are killed at random moments: `python -m tests.crash.event_storm`, or a test."""

import contextlib
import json
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil
from botocore.exceptions import BotoCoreError, ClientError
from tests.support.event_sink import REPORTING, EventSink
from tests.support.queues import wait_for_queue
from tests.support.server import Server
from tests.support.waiting import eventually

KINDS = ("node", "store", "both")
_FEEDERS = 4
_FLAKY_EVERY = 20
_NAME = "storm"
_PAUSE_SECONDS = 0.05
_OPTIONS = ("--async-retry-delays", "0.5,0.5")


@dataclass(frozen=True)
class StormReport:
    """What came of it. An event ran as often as it should when that is once, or twice for those that fail the first time.

    A request that was not answered may have been accepted all the same: its event is sent again, and counts as another.
    """

    accepted_count: int
    refused_count: int
    lost_ids: frozenset[int]
    exact_count: int
    surplus_run_count: int
    kills: Counter[str]

    def __str__(self) -> str:
        share = self.exact_count / self.accepted_count
        kills = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kills.items()))
        return (
            f"{self.accepted_count} events accepted ({self.refused_count} requests answered otherwise or not at all), kills: {kills}\n"
            f"lost: {len(self.lost_ids)}; run as often as they should: {self.exact_count} ({share:.2%}); "
            f"runs too many: {self.surplus_run_count}"
        )


def run_storm(*, data_directory: Path, event_count: int, kill_count: int, seed: int, kind: str | None = None) -> StormReport:
    """Feed, kill, wait until everything is done, count. `kind`: what to kill; None: each in turn."""
    with EventSink() as sink:
        storm = _Storm(sink=sink, data_directory=data_directory, event_count=event_count, moments=random.Random(seed), kind=kind)
        try:
            return storm.run(kill_count)
        finally:
            storm.server.stop()


class _Storm:
    def __init__(self, *, sink: EventSink, data_directory: Path, event_count: int, moments: random.Random, kind: str | None) -> None:
        self._sink = sink
        self._kind = kind
        self._data_directory = data_directory
        self._moments = moments
        self._lock = threading.Lock()
        self._remaining = list(range(event_count))
        self._accepted: dict[int, str] = {}
        self._refused_count = 0
        self._kills: Counter[str] = Counter()
        self.server = self._start()
        self.server.deploy(_NAME, REPORTING, Timeout=30)

    def run(self, kill_count: int) -> StormReport:
        total = len(self._remaining)
        feeders = [threading.Thread(target=self._feed) for _ in range(_FEEDERS)]
        for feeder in feeders:
            feeder.start()
        for number in range(kill_count):
            wanted = min(len(self._accepted) + self._moments.randint(1, max(2 * total // (kill_count + 1), 2)), total)
            eventually(lambda wanted=wanted: len(self._accepted) >= wanted, what=f"{wanted} accepted events", within_seconds=300)
            time.sleep(self._moments.random() * 0.2)
            self._kill(KINDS[number % len(KINDS)] if self._kind is None else self._kind)
        for feeder in feeders:
            feeder.join()
        eventually(self._has_run_all, what="the run of every accepted event", within_seconds=300)
        wait_for_queue(self.server, _NAME, depth=0, within_seconds=120)
        return self._report()

    def _has_run_all(self) -> bool:
        return {*self._accepted.values()} <= {report["request_id"] for report in list(self._sink.reports)}

    def _start(self) -> Server:
        return Server.start(*_OPTIONS, data_directory=self._data_directory)

    def _kill(self, what: str) -> None:
        self._kills[what] += 1
        if what in {"store", "both"}:
            for child in psutil.Process(self.server.process.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "nats-server" in child.name():
                        child.send_signal(signal.SIGKILL)
        if what in {"node", "both"}:
            self.server.kill()
            self.server = self._start()

    def _feed(self) -> None:
        """Each id is sent until it is accepted."""
        server, client = None, None
        while True:
            with self._lock:
                if not self._remaining:
                    return
                event_id = self._remaining.pop()
            while True:
                if server is not self.server:
                    server = self.server
                    client = server.client("lambda", read_timeout=20)
                if self._send(client, event_id):
                    break
                time.sleep(_PAUSE_SECONDS)

    def _send(self, client: Any, event_id: int) -> bool:
        event = {"id": event_id, "sink": self._sink.url, "flaky": event_id % _FLAKY_EVERY == 0}
        try:
            answer = client.invoke(FunctionName=_NAME, InvocationType="Event", Payload=json.dumps(event).encode())
        except (BotoCoreError, ClientError):
            with self._lock:
                self._refused_count += 1
            return False
        with self._lock:
            self._accepted[event_id] = answer["ResponseMetadata"]["RequestId"]
        return bool(answer["StatusCode"] == 202)

    def _report(self) -> StormReport:
        runs = Counter(report["request_id"] for report in self._sink.reports)
        surplus = [max(runs[request_id] - (2 if event_id % _FLAKY_EVERY == 0 else 1), 0) for event_id, request_id in self._accepted.items()]
        return StormReport(
            accepted_count=len(self._accepted),
            refused_count=self._refused_count,
            lost_ids=frozenset(event_id for event_id, request_id in self._accepted.items() if not runs[request_id]),
            exact_count=surplus.count(0),
            surplus_run_count=sum(surplus),
            kills=self._kills,
        )


@click.command()
@click.option("--events", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--kills", default=24, show_default=True, type=click.IntRange(min=0))
@click.option("--seed", default=0, show_default=True)
@click.option("--kind", type=click.Choice(KINDS), help="Kill nothing but this.")
def main(*, events: int, kills: int, seed: int, kind: str | None) -> None:
    """Kill node, store and both in turn while events are accepted and run; tell what was lost and what ran twice."""
    with tempfile.TemporaryDirectory(prefix="alonzo-soak-", dir="/var/tmp") as directory:
        Path(directory).chmod(0o711)
        started_at = time.monotonic()
        report = run_storm(data_directory=Path(directory) / "data", event_count=events, kill_count=kills, seed=seed, kind=kind)
        print(f"{report}\nin {time.monotonic() - started_at:.0f} s")
    if report.lost_ids:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
