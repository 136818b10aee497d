"""Reserved concurrency under many clients that do not let go: what the functions themselves see."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError
from tests.support.concurrency_watch import WATCHED, ConcurrencyWatch
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
