"""A flood of log lines: how many are kept a second, whether any is lost uncounted, and what it does to another function's caller."""

import json
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil

from bench.figures import Figure, Limit
from bench.load import LoadOrder, order_load, run_order
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_FUNCTIONS = 4
_LINES_A_SECOND = 100_000
_LOADS_LONG = 6.0
"""The flood, in lengths of a load."""

_ALONE_SHARE = 0.6
"""How long the steady function is measured without the flood, in lengths of a load."""

_TRIVIAL = "def handler(event, context):\n    return event\n"
_PRINTS = """
import sys, time

def handler(event, context):
    begun, written = time.monotonic(), 0
    while (elapsed := time.monotonic() - begun) < event["seconds"]:
        due = min(int(elapsed * event["rate"]) - written, 1000)
        if due < 20:
            time.sleep(0.002)
            continue
        sys.stdout.write("".join(f"an ordinary line of a log, as long as many are, with a number: {written + n}\\n" for n in range(due)))
        written += due
    sys.stdout.flush()
    return written
"""
_BODY = b"{}"
_CONNECTIONS, _PAUSE_SECONDS = 2, 0.005
_UNDER_WAY_SECONDS = 2.0
_WATCH_SECONDS = 0.2
_STORED_SECONDS = 15.0
_POLL_SECONDS = 0.2
_COUNT = 'filter @message like "an ordinary line" | stats count(*) as kept'
_DROPPED = re.compile(r"^alonzo_log_events_dropped_total\{[^}]*\} (\d+)$", re.MULTILINE)


def measure_logs(settings: BenchSettings) -> Iterator[Figure]:
    """Several functions print together; then every line is looked for."""
    with started_platform("--logs-max-size", "2g") as platform:
        steady = platform.deploy("steady", _TRIVIAL)
        floods = [platform.deploy(f"flood-{number}", _PRINTS, Timeout=120) for number in range(_FUNCTIONS)]
        platform.wait_until_quiet()
        alone = run_order(_order(platform, steady, settings.load_seconds * _ALONE_SHARE))
        with ThreadPoolExecutor(_FUNCTIONS) as threads, _MemoryWatch(platform) as memory:
            started_at = time.monotonic()
            writing = [threads.submit(_flood, platform, name, settings.load_seconds * _LOADS_LONG) for name in floods]
            time.sleep(min(_UNDER_WAY_SECONDS, settings.load_seconds))
            beside = run_order(_order(platform, steady, settings.load_seconds))
            written = sum(each.result() for each in writing)
            seconds = time.monotonic() - started_at
            _wait_until_stored(platform, floods)
        kept, counting_seconds = _count(platform, floods)
        dropped = _read_dropped(platform)
        yield Figure(
            row=f"log lines of {_FUNCTIONS} functions: rate",
            value=written / seconds,
            unit="/s",
            limit=Limit(_LINES_A_SECOND, "what they were told to write"),
            failure_count=abs(written - kept - dropped),
            note=(
                f"{written:,} lines written, {kept:,} kept, {dropped:,} dropped and said (counted in {counting_seconds:.1f} s); "
                f"at most: node {memory.node_mb:.0f} MB, store {memory.store_mb:.0f} MB"
            ),
        )
        yield Figure(
            row="p50 beside a flood of other functions' log lines",
            value=beside.p50_seconds * 1e3,
            unit="ms",
            limit=Limit(alone.p50_seconds * 1e3, "alone"),
            failure_count=alone.failure_count + beside.failure_count,
            note=f"p99 {alone.p99_seconds * 1e3:.2f} ms alone, {beside.p99_seconds * 1e3:.2f} beside{beside.told_failure}",
        )


def _order(platform: Platform, name: str, seconds: float) -> LoadOrder:
    return order_load(platform.address, name, _BODY, connection_count=_CONNECTIONS, seconds=seconds, pause_seconds=_PAUSE_SECONDS)


def _flood(platform: Platform, name: str, seconds: float) -> int:
    event = json.dumps({"rate": _LINES_A_SECOND // _FUNCTIONS, "seconds": seconds})
    written: int = json.loads(platform.client.invoke(FunctionName=name, Payload=event)["Payload"].read())
    return written


def _wait_until_stored(platform: Platform, names: list[str]) -> None:
    """Until the last line of each is there: the report of its invocation."""
    logs, deadline = platform.service("logs"), time.monotonic() + _STORED_SECONDS
    for name in names:
        of = {"logGroupName": f"/aws/lambda/{name}"}
        while not any(
            event["message"].startswith("REPORT ")
            for stream in logs.describe_log_streams(**of)["logStreams"]
            for event in logs.get_log_events(**of, logStreamName=stream["logStreamName"], limit=5)["events"]
        ):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the log of {name} has no end")
            time.sleep(_POLL_SECONDS)


def _count(platform: Platform, names: list[str]) -> tuple[int, float]:
    """The lines that are kept, and how many seconds it took to count them."""
    logs, started_at = platform.service("logs"), time.monotonic()
    now = int(time.time())
    groups = [f"/aws/lambda/{name}" for name in names]
    query_id = logs.start_query(logGroupNames=groups, startTime=now - 3_600, endTime=now + 60, queryString=_COUNT)["queryId"]
    while (answer := logs.get_query_results(queryId=query_id))["status"] in {"Scheduled", "Running"}:
        time.sleep(_POLL_SECONDS)
    if answer["status"] != "Complete":
        raise RuntimeError(f"the lines could not be counted: {answer['status']}")
    return int(answer["results"][0][0]["value"]), time.monotonic() - started_at


def _read_dropped(platform: Platform) -> int:
    host, port = platform.address
    with urllib.request.urlopen(f"http://{host}:{port}/_alonzo/metrics", timeout=20) as page:
        return sum(map(int, _DROPPED.findall(page.read().decode())))


class _MemoryWatch:
    """The most that the node and its store were seen to have."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._store = [psutil.Process(process_id) for process_id in platform.processes().store]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.node_mb = 0.0
        self.store_mb = 0.0

    def __enter__(self) -> "_MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_SECONDS):
            self.node_mb = max(self.node_mb, self._platform.node_memory_mb())
            self.store_mb = max(self.store_mb, sum(process.memory_info().rss for process in self._store) / 1e6)
