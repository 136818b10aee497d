"""Events are accepted and run while node and store are killed, or the disk is full, at random moments: a test, or
`python -m tests.crash.event_storm`.
"""

import contextlib
import json
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil
from botocore.exceptions import BotoCoreError, ClientError
from tests.crash.small_disk import SmallDisk, mounted_small_disk
from tests.support.event_sink import REPORTING, EventSink
from tests.support.queues import read_queue
from tests.support.server import Server
from tests.support.waiting import eventually

KILLS = ("node", "store", "both")
DISK = "disk"
_FEEDERS = 4
_FLAKY_EVERY = 20
_NAME = "storm"
_PAUSE_SECONDS = 0.05
_STORE_BACK_SECONDS = 3.0
"""What runs before a store that was killed is back cannot be acknowledged: if the node is killed next, nobody knows that it ran."""
_INTERRUPTED_SECONDS = 0.25
"""An event that runs so long before or after a kill may not be known to be done: that is written down ten times a second, and what is
killed takes a moment to die."""
_OPTIONS = ("--async-retry-delays", "0.5,0.5")


@dataclass(frozen=True)
class StormReport:
    """What came of it. An event ran as often as it should when that is once, or twice for those that fail the first time.

    A request that was not answered may have been accepted all the same: its event is sent again, and counts as another.
    Lost is one that ran less often than it should. `refusals`: what was answered otherwise than with 202.
    `surplus_run_count`: runs too many. A kill explains those of events that ran in the moments around it: how many is a matter of the rate.
    """

    accepted_count: int
    refused_count: int
    lost_ids: frozenset[int]
    exact_count: int
    surplus_run_count: int
    unexplained_run_count: int
    kills: Counter[str]
    refusals: Counter[str]

    def __str__(self) -> str:
        share = self.exact_count / self.accepted_count
        kills = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kills.items())) or "none"
        refusals = "".join(f"\n{count} times: {refusal}" for refusal, count in self.refusals.most_common())
        return (
            f"{self.accepted_count} events accepted ({self.refused_count} requests answered otherwise or not at all)\n"
            f"kills, and times of a full disk: {kills}{refusals}\n"
            f"lost: {len(self.lost_ids)}; run as often as they should: {self.exact_count} ({share:.2%}); "
            f"runs too many: {self.surplus_run_count}, {self.unexplained_run_count} of them not explained by a kill"
        )


def run_storm(
    *,
    data_directory: Path,
    event_count: int,
    kill_count: int,
    seed: int,
    kinds: Sequence[str] = KILLS,
    disk: SmallDisk | None = None,
) -> StormReport:
    """Feed, kill, wait until everything is done, count. `kinds`: what to do, in turn. `disk`: that of the data directory, for `DISK`."""
    moments = random.Random(seed)
    with EventSink() as sink:
        storm = _Storm(sink=sink, data_directory=data_directory, event_count=event_count, moments=moments, disk=disk)
        try:
            return storm.run(kill_count, kinds)
        finally:
            storm.server.stop()


class _Storm:
    def __init__(self, *, sink: EventSink, data_directory: Path, event_count: int, moments: random.Random, disk: SmallDisk | None) -> None:
        self._sink = sink
        self._disk = disk
        self._data_directory = data_directory
        self._moments = moments
        self._lock = threading.Lock()
        self._remaining = list(range(event_count))
        self._accepted: dict[int, str] = {}
        self._refused_count = 0
        self._refusals: Counter[str] = Counter()
        self._kills: Counter[str] = Counter()
        self._killed_at: list[tuple[float, float]] = []
        self.server = self._start()
        self.server.deploy(_NAME, REPORTING, Timeout=30)

    def run(self, kill_count: int, kinds: Sequence[str]) -> StormReport:
        total = len(self._remaining)
        feeders = [threading.Thread(target=self._feed) for _ in range(_FEEDERS)]
        for feeder in feeders:
            feeder.start()
        for number in range(kill_count):
            wanted = min(len(self._accepted) + self._moments.randint(1, max(2 * total // (kill_count + 1), 2)), total)
            eventually(lambda wanted=wanted: len(self._accepted) >= wanted, what=f"{wanted} accepted events", within_seconds=300)
            time.sleep(self._moments.random() * 0.2)
            self._do(kinds[number % len(kinds)])
        for feeder in feeders:
            feeder.join()
        with contextlib.suppress(AssertionError):  # then the report tells which are lost
            eventually(lambda: not self._due_ids(), what="the due runs of every accepted event", within_seconds=300)
        eventually(self._is_done, what="the end of every event", within_seconds=300)
        return self._report()

    def _due_ids(self) -> set[int]:
        """Events that have yet to run, or to run again."""
        runs = self._run_counts()
        return {event_id for event_id, request_id in list(self._accepted.items()) if runs[request_id] < _due_count(event_id)}

    def _run_counts(self) -> Counter[str]:
        return Counter(report["request_id"] for report in list(self._sink.reports))

    def _unexplained_run_count(self) -> int:
        """How many runs followed one of the same event that was no failure and not interrupted: what is acknowledged is not run again."""
        ran_at: dict[str, list[float]] = {}
        for request_id, at in self._sink.runs():
            ran_at.setdefault(request_id, []).append(at)
        count = 0
        for event_id, request_id in self._accepted.items():
            uninterrupted = [at for at in ran_at.get(request_id, [])[:-1] if not self._is_interrupted(at)]
            count += max(len(uninterrupted) - _due_count(event_id) + 1, 0)
        return count

    def _is_interrupted(self, ran_at: float) -> bool:
        return any(start - _INTERRUPTED_SECONDS <= ran_at <= end + _INTERRUPTED_SECONDS for start, end in self._killed_at)

    def _is_done(self) -> bool:
        """A node that was started again and finds nothing to do knows nothing of the function's queue."""
        return bool(read_queue(self.server, _NAME).get("depth", 0) == 0)

    def _start(self) -> Server:
        return Server.start(*_OPTIONS, data_directory=self._data_directory)

    def _do(self, what: str) -> None:
        self._kills[what] += 1
        if what == DISK:
            self._have_the_disk_full()
        started_at = time.monotonic()
        if what in {"store", "both"}:
            for child in psutil.Process(self.server.process.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if "nats-server" in child.name():
                        child.send_signal(signal.SIGKILL)
        if what in {"node", "both"}:
            self.server.kill()
        self._killed_at.append((started_at, time.monotonic() + (_STORE_BACK_SECONDS if what == "store" else 0.0)))
        if what in {"node", "both"}:
            self.server = self._start()

    def _have_the_disk_full(self) -> None:
        """Until some requests were refused, or while nothing more is sent."""
        assert self._disk is not None
        before = self._refused_count
        self._disk.fill()
        eventually(lambda: self._refused_count > before + _FEEDERS or not self._remaining, what="refused requests", within_seconds=60)
        time.sleep(self._moments.random() * 2)
        self._disk.make_room()

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
        event = {"id": event_id, "sink": self._sink.url, "flaky": _is_flaky(event_id)}
        try:
            answer = client.invoke(FunctionName=_NAME, InvocationType="Event", Payload=json.dumps(event).encode())
        except (BotoCoreError, ClientError) as error:
            with self._lock:
                self._refused_count += 1
                if isinstance(error, ClientError):
                    self._refusals[f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"] += 1
            return False
        with self._lock:
            self._accepted[event_id] = answer["ResponseMetadata"]["RequestId"]
        return bool(answer["StatusCode"] == 202)

    def _report(self) -> StormReport:
        runs = self._run_counts()
        surplus = {event_id: runs[request_id] - _due_count(event_id) for event_id, request_id in self._accepted.items()}
        return StormReport(
            accepted_count=len(self._accepted),
            refused_count=self._refused_count,
            lost_ids=frozenset(event_id for event_id, count in surplus.items() if count < 0),
            exact_count=list(surplus.values()).count(0),
            surplus_run_count=sum(max(count, 0) for count in surplus.values()),
            unexplained_run_count=self._unexplained_run_count(),
            kills=self._kills,
            refusals=self._refusals,
        )


def _is_flaky(event_id: int) -> bool:
    return event_id % _FLAKY_EVERY == 0


def _due_count(event_id: int) -> int:
    return 2 if _is_flaky(event_id) else 1


@click.command()
@click.option("--events", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--kills", default=24, show_default=True, type=click.IntRange(min=0))
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice((*KILLS, DISK)),
    help="What to do, in turn. [default: all but disk]",
)
def main(*, events: int, kills: int, seed: int, kinds: tuple[str, ...]) -> None:
    """Kill node, store and both in turn, or fill the disk, while events are accepted and run; tell what was lost and what ran twice."""
    kinds = kinds or KILLS
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alonzo-soak-", dir="/var/tmp")))
        directory.chmod(0o711)
        disk = stack.enter_context(mounted_small_disk(directory)) if DISK in kinds else None
        data = (directory if disk is None else disk.directory) / "data"
        started_at = time.monotonic()
        report = run_storm(data_directory=data, event_count=events, kill_count=kills, seed=seed, kinds=kinds, disk=disk)
        print(f"{report}\nin {time.monotonic() - started_at:.0f} s")
    if report.lost_ids:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
