"""A flood of log lines: how many are kept a second, whether any is lost uncounted, and what it does to another function's caller."""

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.figures import Figure, Limit
from bench.load import order_load, run_order
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_FUNCTIONS = 4
_LINES_A_SECOND = 100_000
_SECONDS = 30.0
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
_SETTLE_SECONDS = 2.0
_WATCH_SECONDS = 0.2
_DROPPED = re.compile(r"\[alonzo\] (\d+) lines were dropped")


def measure_logs(settings: BenchSettings) -> Iterator[Figure]:
    """Several functions print together; then every line is looked for."""
    with started_platform("--logs-max-size", "2g") as platform:
        steady = platform.deploy("steady", _TRIVIAL)
        floods = [platform.deploy(f"flood-{number}", _PRINTS, Timeout=120) for number in range(_FUNCTIONS)]
        platform.wait_until_quiet()
        order = order_load(
            platform.address, steady, _BODY, connection_count=_CONNECTIONS, seconds=settings.load_seconds, pause_seconds=_PAUSE_SECONDS
        )
        alone = run_order(order)
        with ThreadPoolExecutor(_FUNCTIONS) as threads, _MemoryWatch(platform) as memory:
            started_at = time.monotonic()
            writing = [threads.submit(_flood, platform, name) for name in floods]
            time.sleep(_SETTLE_SECONDS)
            beside = run_order(order)
            written = sum(each.result() for each in writing)
            seconds = time.monotonic() - started_at
        time.sleep(_SETTLE_SECONDS)
        counts = [_count(platform, name) for name in floods]
        kept, dropped = sum(each[0] for each in counts), sum(each[1] for each in counts)
        yield Figure(
            row=f"log lines of {_FUNCTIONS} functions: rate",
            value=written / seconds,
            unit="/s",
            limit=Limit(_LINES_A_SECOND, "what they were told to write"),
            failure_count=abs(written - kept - dropped),
            note=f"{written:,} lines written, {kept:,} kept, {dropped:,} dropped and said; node at most {memory.peak_mb:.0f} MB",
        )
        yield Figure(
            row="p99 beside a flood of other functions' log lines, in p99s alone",
            value=beside.p99_seconds / alone.p99_seconds,
            unit="x",
            limit=Limit(1.0, "alone"),
            failure_count=alone.failure_count + beside.failure_count,
            note=(
                f"p50 {alone.p50_seconds * 1e3:.2f} ms and p99 {alone.p99_seconds * 1e3:.2f} ms alone, "
                f"{beside.p50_seconds * 1e3:.2f} and {beside.p99_seconds * 1e3:.2f} beside"
            ),
        )


def _flood(platform: Platform, name: str) -> int:
    event = json.dumps({"rate": _LINES_A_SECOND // _FUNCTIONS, "seconds": _SECONDS})
    written: int = json.loads(platform.client.invoke(FunctionName=name, Payload=event)["Payload"].read())
    return written


def _count(platform: Platform, name: str) -> tuple[int, int]:
    """Lines of a function that are kept, and that are said to be dropped."""
    kept = dropped = 0
    pages = platform.service("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    for page in pages:
        for event in page["events"]:
            kept += event["message"].startswith("an ordinary line")
            found = _DROPPED.match(event["message"])
            dropped += int(found[1]) if found is not None else 0
    return kept, dropped


class _MemoryWatch:
    """The most that the node was seen to have."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.peak_mb = 0.0

    def __enter__(self) -> "_MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_SECONDS):
            self.peak_mb = max(self.peak_mb, self._platform.node_memory_mb())
