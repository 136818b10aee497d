"""Floods while the processors are busy: how many environments they take, and that nobody waits for those who wait for it."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

from tests.support.server import Server

PROCESSORS = os.cpu_count() or 1

COMPUTES = """
import time, uuid

ENVIRONMENT = str(uuid.uuid4())

def handler(event, context):
    ended_at = time.thread_time() + event["seconds"]
    while time.thread_time() < ended_at:
        pass
    return ENVIRONMENT
"""

CALLS_ITSELF = """
import http.client, json, os
from urllib.parse import urlsplit

def handler(event, context):
    if not event["depth"]:
        return 0
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(endpoint.hostname, endpoint.port)
    path = f"/2015-03-31/functions/{context.function_name}/invocations"
    connection.request("POST", path, json.dumps({"depth": event["depth"] - 1}))
    return 1 + json.loads(connection.getresponse().read())
"""


def test_many_invocations_that_compute_take_few_environments(server: Server) -> None:
    server.deploy("computes", COMPUTES, Timeout=60)
    count = 16 * PROCESSORS
    environments = invoke_at_once(server, "computes", {"seconds": 0.05}, count)
    assert len(environments) == count
    assert len(set(environments)) <= count // 2


def test_who_waits_for_its_own_function_is_not_in_its_way_while_others_compute(server: Server) -> None:
    server.deploy("computes-on", COMPUTES, Timeout=60)
    server.deploy("calls-itself", CALLS_ITSELF, Timeout=60)
    with ThreadPoolExecutor(1) as thread:
        busy = thread.submit(invoke_at_once, server, "computes-on", {"seconds": 3.0}, 2 * PROCESSORS)
        assert invoke_at_once(server, "calls-itself", {"depth": 3}, 4 * PROCESSORS) == [3] * (4 * PROCESSORS)
        assert len(busy.result()) == 2 * PROCESSORS


def invoke_at_once(server: Server, name: str, event: object, count: int) -> list[object]:
    boto = server.client("lambda", max_pool_connections=count)

    def invoke(_: int) -> object:
        answer = boto.invoke(FunctionName=name, Payload=json.dumps(event))
        content = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, content
        return content

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(invoke, range(count)))
