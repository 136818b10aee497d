"""Many at once: what the functions of a reserved concurrency see of each other, and what they weigh beside other functions."""

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import ClientError
from tests.crash.census import find_cgroups
from tests.support.concurrency_watch import WATCHED, ConcurrencyWatch
from tests.support.gauge import HOLDS_THE_GAUGE, Gauge
from tests.support.server import Server
from tests.support.waiting import eventually

RESERVED, CLIENTS = 7, 200


def test_of_200_clients_that_hammer_never_more_than_7_run_and_7_do(server: Server) -> None:
    with ConcurrencyWatch() as watch:
        server.deploy("hammered", WATCHED, Timeout=30, Environment={"Variables": {"WATCH_PORT": str(watch.port)}})
        boto = server.client("lambda", max_pool_connections=CLIENTS)
        boto.put_function_concurrency(FunctionName="hammered", ReservedConcurrentExecutions=RESERVED)
        outcomes: Counter[str] = Counter()
        lock, stop = threading.Lock(), threading.Event()

        def hammer() -> None:
            while not stop.is_set():
                try:
                    answer = boto.invoke(FunctionName="hammered", Payload=b"{}")
                    outcome = answer["Payload"].read().decode()
                except ClientError as error:
                    outcome = error.response["Reason"]
                with lock:
                    outcomes[outcome] += 1

        with ThreadPoolExecutor(CLIENTS) as threads:
            for _ in range(CLIENTS):
                threads.submit(hammer)
            try:
                eventually(lambda: watch.run_count >= 40 * RESERVED and watch.most == RESERVED, what="7 at once", within_seconds=60)
            finally:
                stop.set()
        assert watch.most == RESERVED
        assert set(outcomes) <= {
            '"watched"',
            "ReservedFunctionConcurrentInvocationLimitExceeded",
            "ReservedFunctionInvocationRateLimitExceeded",
        }
        assert outcomes['"watched"'] == watch.run_count


def test_those_of_a_crowd_weigh_less_each_and_one_that_comes_alone_weighs_all_it_may(server: Server) -> None:
    for name in ("crowded", "alone"):
        server.deploy(name, HOLDS_THE_GAUGE, MemorySize=1024, Timeout=120)
    boto = server.client("lambda", max_pool_connections=41)
    with Gauge() as gauge, ThreadPoolExecutor(41) as threads:
        event = json.dumps(gauge.event())
        for crowd in (["crowded"] * 40, ["crowded"] * 40 + ["alone"]):  # new ones weigh all they may
            gauge.hold()
            answers = [threads.submit(boto.invoke, FunctionName=name, Payload=event) for name in crowd]
            gauge.wait_for(len(crowd))
            weights = sorted(_weights(server))
            gauge.release()
            assert ["FunctionError" in answer.result() for answer in answers] == [False] * len(crowd)
    assert len(weights) == 41
    full = weights[-1]
    assert full in {10_240, 1_024}
    assert sum(weights) <= 40 * full / 2


def _weights(server: Server) -> list[int]:
    """Of sandboxes with a function of 1,024 MiB: a version of the kernel's has its own default for others."""
    limits = [Path(group, file) for group in find_cgroups(server) for file in ("memory.max", "memory.limit_in_bytes")]
    names = {file.parent.name for file in limits if file.exists() and file.read_text().strip() == str(1_024 << 20)}
    files = [Path(group, file) for group in find_cgroups(server) for file in ("cpu.weight", "cpu.shares")]
    return [int(file.read_text()) for file in files if file.exists() and file.parent.name in names]
