"""A worker that is killed takes with it what it was running, and nothing else."""

import json
import signal
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError
from tests.support.gauge import HOLDS_THE_GAUGE, Gauge
from tests.support.invoking import succeed
from tests.support.processes import is_alive
from tests.support.server import Server
from tests.support.waiting import eventually
from tests.support.workers import workers_of

CLIENTS = 12
RESERVED = 7
REFUSED = "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_a_worker_is_killed_under_load(start_server: Any) -> None:
    server = start_server("--workers", "3")
    name = server.deploy("gauged", HOLDS_THE_GAUGE, Timeout=60)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=RESERVED)
    with Gauge(hold_seconds=0.3) as gauge:
        load = Load(server, name, gauge)
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(load.run) for _ in range(CLIENTS)]
            load.wait_for(20)
            for _ in range(2):
                kill_one(server)
                load.wait_for(load.done + 20)
            load.stop.set()
            for client in clients:
                client.result(60)
        assert set(load.outcomes) <= {"done", REFUSED, "lost"}
        # Of each worker: what it was running, and as much on connections that had nothing to do but were its.
        assert load.outcomes.get("lost", 0) <= 2 * CLIENTS
        assert gauge.most == RESERVED
    eventually(lambda: health(server) == 3, what="three workers", within_seconds=60)
    with Gauge() as gauge:
        gauge.hold()
        with ThreadPoolExecutor(20) as pool:
            answers = [pool.submit(Load(server, name, gauge).invoke, server.client("lambda")) for _ in range(20)]
            gauge.wait_for(RESERVED)
            eventually(lambda: sum(answer.done() for answer in answers) >= 20 - RESERVED, what="the refusals", within_seconds=60)
            gauge.release()
        assert sorted(answer.result() for answer in answers) == [REFUSED] * (20 - RESERVED) + ["done"] * RESERVED


def test_a_killed_parent_leaves_nothing_behind(start_server: Any) -> None:
    server = start_server("--workers", "2")
    name = server.deploy("left", "import os\ndef handler(event, context): return os.getpid()")
    succeed(server, name)
    processes = psutil.Process(server.process.pid).children(recursive=True)
    server.kill()
    eventually(lambda: not any(is_alive(process) for process in processes), what="the end of all")
    again = start_server("--workers", "3", data_directory=server.data_directory)
    assert succeed(again, name)
    assert again.stop() == 0


def test_on_a_signal_all_finish_what_they_run(start_server: Any) -> None:
    server = start_server("--workers", "3")
    name = server.deploy("slow", HOLDS_THE_GAUGE, Timeout=60)
    with Gauge() as gauge, ThreadPoolExecutor(6) as pool:
        gauge.hold()
        answers = [pool.submit(succeed, server, name, gauge.event()) for _ in range(6)]
        gauge.wait_for(6)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        gauge.release()
        assert len({answer.result()["log_stream"] for answer in answers}) == 6
    assert server.process.wait(60) == 0


def kill_one(server: Server) -> None:
    killed = workers_of(server)[0]
    killed.send_signal(signal.SIGKILL)
    eventually(lambda: len(workers_of(server)) == 3 and not killed.is_running(), what="a successor", within_seconds=60)


class Load:
    """Clients that invoke again and again, each over a connection of its own as long as it lasts."""

    def __init__(self, server: Server, name: str, gauge: Gauge) -> None:
        self._server = server
        self._name = name
        self._gauge = gauge
        self._lock = threading.Lock()
        self.stop = threading.Event()
        self.outcomes: dict[str, int] = {}

    @property
    def done(self) -> int:
        return self.outcomes.get("done", 0)

    def wait_for(self, count: int) -> None:
        eventually(lambda: self.done >= count, what=f"{count} invocations", within_seconds=90)

    def run(self) -> None:
        client = self._server.client("lambda")
        while not self.stop.is_set():
            outcome = self.invoke(client)
            with self._lock:
                self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
            if outcome != "done":
                time.sleep(0.05)

    def invoke(self, client: Any) -> str:
        try:
            answer = client.invoke(FunctionName=self._name, Payload=f'{{"port": {self._gauge.port}}}')
        except ClientError as error:
            return str(error.response.get("Reason"))  # type: ignore[call-overload]
        except BotoCoreError:
            return "lost"
        return answer.get("FunctionError") or "done"


def health(server: Server) -> int:
    with urllib.request.urlopen(f"{server.endpoint_url}/health") as answer:
        return int(json.load(answer)["workers"])
