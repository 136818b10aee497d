"""Asynchronous invocation over several workers: every event runs once, whichever worker has accepted it."""

import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.gauge import HOLDS_THE_GAUGE, Gauge
from tests.support.queues import read_queue
from tests.support.server import Server
from tests.support.waiting import eventually

EVENTS = 120


def test_every_event_runs_once(server: Server) -> None:
    name = server.deploy(f"events-{uuid.uuid4().hex[:8]}", HOLDS_THE_GAUGE, Timeout=60)
    with Gauge() as gauge:
        accept(server, name, gauge, EVENTS)
        eventually(lambda: len(gauge.names) >= EVENTS, what="all events", within_seconds=90)
        eventually(lambda: read_queue(server, name)["depth"] == 0, what="an empty queue", within_seconds=60)
        assert Counter(gauge.names) == Counter(str(number) for number in range(EVENTS))
    shown = read_queue(server, name)
    assert (shown["accepted"], shown["delivered"]) == (EVENTS, EVENTS)  # summed over all workers, whichever is asked


def test_events_keep_to_reserved_concurrency(server: Server) -> None:
    name = server.deploy(f"few-{uuid.uuid4().hex[:8]}", HOLDS_THE_GAUGE, Timeout=60)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=3)
    with Gauge(hold_seconds=0.1) as gauge:
        accept(server, name, gauge, 40)
        eventually(lambda: len(gauge.names) >= 40, what="all events", within_seconds=90)
        eventually(lambda: read_queue(server, name)["depth"] == 0, what="an empty queue", within_seconds=60)
        assert gauge.most == 3
        assert len(gauge.names) == 40


def accept(server: Server, name: str, gauge: Gauge, count: int) -> None:
    def send(number: int) -> Any:
        payload = json.dumps(gauge.event(str(number)))
        return server.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload)["StatusCode"]

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(send, range(count))) == {202}
