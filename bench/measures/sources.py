"""Event source mappings: how fast records come to functions, how long one takes on an idle mapping, and what an idle mapping costs.

AWS's services are the companion's, brokers are real ones; what a client of theirs alone gets done in the same run is the limit.
"""

import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from bench.figures import Figure, Limit
from bench.measures.broker_sources import kafka, rabbitmq
from bench.measures.java_sources import activemq, mongodb
from bench.measures.source_kinds import SourceKind, aws_sources
from bench.processes import read_cpu_seconds
from bench.running_platform import NotQuiet, Platform, started_platform
from bench.settings import BenchSettings

_COUNTS = {1: 100, 10: 200, 100: 500, 1_000: 2_000}
"""How many records there are, by the batch's size: whole batches, so that none waits for its window to end."""
_SENDS, _PAUSE_SECONDS = 20, 0.1
_IDLE_SECONDS, _SETTLE_SECONDS = 3.0, 0.5
_TIMEOUT_SECONDS = 120.0
_TELLING = """
import socket, os, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def handler(event, context):
    began_at = time.time()
    by_place = event.get("records") or event.get("rmqMessagesByQueue")
    by_place = by_place or {"": event.get("Records") or event.get("messages") or event.get("events")}
    out.sendto(f"{began_at} {sum(map(len, by_place.values()))}".encode(), ("127.0.0.1", int(os.environ["PORT"])))
"""


def measure_sources(settings: BenchSettings) -> Iterator[Figure]:
    """Rates first, then one record at a time, then none. Brokers that are not installed are left out."""
    del settings  # the counts say how long it takes
    with started_platform() as platform:
        yield from _measure(platform, list(aws_sources(platform)))
    for broker in (kafka, rabbitmq, activemq, mongodb):
        with broker() as started:
            if started is not None:
                platform, source = started
                yield from _measure(platform, [source])


def _measure(platform: Platform, sources: Sequence[SourceKind]) -> Iterator[Figure]:
    for source in sources:
        for batch_size in source.batch_sizes:
            yield _measure_rate(platform, source, batch_size)
    bare_share: float | None = None
    for source in sources:
        with _mapped(platform, source) as (name, inbox):
            yield _measure_delay(source, name, inbox)
            share = _idle_share(platform)
        if bare_share is None:
            bare_share = _idle_share(platform)
        yield Figure(
            row=f"{source.name}, idle mapping: processor time, with the companion's",
            value=share * 100,
            unit="% of a core",
            limit=Limit(bare_share * 100, "the same platform without the mapping"),
        )


def _measure_rate(platform: Platform, source: SourceKind, batch_size: int) -> Figure:
    count = min(_COUNTS[batch_size], source.count_max)
    with _Inbox() as inbox:
        name = inbox.deploy(platform, f"rate-{source.key}-{batch_size}")
        uuid = _map(platform, source, name, batch_size=batch_size, record_count=count)
        started_at = time.perf_counter()
        platform.client.update_event_source_mapping(UUID=uuid, Enabled=True)
        done = 0
        while done < count:
            done += inbox.take()[1]
        seconds = time.perf_counter() - started_at
    _unmap(platform, uuid)
    limit_name = f"{name}-limit"
    source.create(limit_name)
    source.put(limit_name, count)
    began_at = time.perf_counter()
    source.read(limit_name, count, batch_size)
    limit = count / (time.perf_counter() - began_at)
    return Figure(
        row=f"{source.name}, batches of {batch_size:,}: records processed",
        value=count / seconds,
        unit="/s",
        limit=Limit(limit, f"{source.reader} that reads the same, one request after the other"),
        note=f"{count:,} records, from the mapping's being enabled",
    )


def _measure_delay(source: SourceKind, name: str, inbox: "_Inbox") -> Figure:
    delays, puts = [], []
    for _ in range(_SENDS + 1):
        time.sleep(_PAUSE_SECONDS)
        sent_at = time.time()
        source.put(name, 1)
        puts.append(time.time() - sent_at)
        delays.append(inbox.take()[0] - sent_at)
    return Figure(
        row=f"{source.name}, idle mapping: from the send to the handler's start: p50",
        value=statistics.median(delays[1:]) * 1e3,
        unit="ms",
        limit=Limit(statistics.median(puts[1:]) * 1e3, "the send itself, whole"),
    )


def _idle_share(platform: Platform) -> float:
    """How much of a core the platform takes, without a broker beside it."""
    with suppress(NotQuiet):  # a mapping that keeps it busy shall be seen as that
        platform.wait_until_quiet()
    time.sleep(_SETTLE_SECONDS)
    before, began_at = read_cpu_seconds(platform.processes().every), time.perf_counter()
    time.sleep(_IDLE_SECONDS)
    return (read_cpu_seconds(platform.processes().every) - before) / (time.perf_counter() - began_at)


class _Inbox:
    """Where functions tell when they began, and how many records they have got."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __enter__(self) -> "_Inbox":
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(_TIMEOUT_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def deploy(self, platform: Platform, name: str) -> str:
        """A function that tells; its name."""
        return platform.deploy(name, _TELLING, Environment={"Variables": {"PORT": str(self._socket.getsockname()[1])}})

    def take(self) -> tuple[float, int]:
        """What the next one tells; TimeoutError."""
        began_at, _, count = self._socket.recv(64).decode().partition(" ")
        return float(began_at), int(count)


@contextmanager
def _mapped(platform: Platform, source: SourceKind) -> Iterator[tuple[str, _Inbox]]:
    """A source without records, mapped to a function; the name of both."""
    with _Inbox() as inbox:
        name = inbox.deploy(platform, f"idle-{source.key}")
        uuid = _map(platform, source, name, batch_size=1, record_count=0)
        platform.client.update_event_source_mapping(UUID=uuid, Enabled=True)
        _wait_for_state(platform, uuid, "Enabled")
        yield name, inbox
        _unmap(platform, uuid)


def _map(platform: Platform, source: SourceKind, name: str, *, batch_size: int, record_count: int) -> str:
    """A mapping that is disabled, of a new source that has so many records."""
    parameters = source.parameters | source.create(name)
    if record_count:
        source.put(name, record_count)
    if "SQS" in source.name and batch_size > 10:
        parameters["MaximumBatchingWindowInSeconds"] = 1
    uuid: str = platform.client.create_event_source_mapping(FunctionName=name, BatchSize=batch_size, Enabled=False, **parameters)["UUID"]
    _wait_for_state(platform, uuid, "Disabled")
    return uuid


def _unmap(platform: Platform, uuid: str) -> None:
    _wait_for_state(platform, uuid, "Enabled")
    platform.client.delete_event_source_mapping(UUID=uuid)


def _wait_for_state(platform: Platform, uuid: str, state: str) -> None:
    _wait(lambda: platform.client.get_event_source_mapping(UUID=uuid)["State"] == state)


def _wait(probe: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not probe():
        if time.monotonic() > deadline:
            raise TimeoutError("a mapping did not get there")
        time.sleep(0.02)
