"""From Invoke to the destination: a real server, real functions, other AWS services beside it."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.aws_peer import AwsPeer
from tests.support.invoking import read_log, wait_for_log
from tests.support.server import Server
from tests.support.waiting import eventually

FUNCTIONS_ACCOUNT = "000000000000"
FAILS = "def handler(event, context):\n    raise ValueError('oh ' + event['what'])\n"
ECHOES = "def handler(event, context):\n    return {'got': event}\n"
LOGS = "import json\ndef handler(event, context):\n    print('GOT', json.dumps(event))\n"
TRACES = """
import os

def handler(event, context):
    print("TRACE", os.environ["_X_AMZN_TRACE_ID"])
    return os.environ["_X_AMZN_TRACE_ID"]
"""
INVOKES_ITSELF = """
import os
import boto3

client = boto3.client("lambda")

def handler(event, context):
    print("ROUND", os.environ["_X_AMZN_TRACE_ID"])
    client.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=b"{}")
"""


@pytest.fixture(scope="module")
def server(peer: AwsPeer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that finds the other services, and does not wait minutes for retries."""
    data = tmp_path_factory.mktemp("alonzo")
    with Server.start("--aws-endpoint-url", peer.endpoint_url, "--async-retry-delays", "0.1,0.1", data_directory=data) as running:
        yield running


def invoke_event(server: Server, name: str, event: Any, **parameters: Any) -> str:
    """The request id."""
    answer = server.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event), **parameters)
    assert answer["StatusCode"] == 202
    request_id: str = answer["ResponseMetadata"]["RequestId"]
    return request_id


def counted(server: Server, metric: str, name: str) -> int:
    """Of a function, as Prometheus sees it."""
    with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics") as page:
        samples = dict(line.rsplit(" ", 1) for line in page.read().decode().splitlines() if not line.startswith("#"))
    return int(samples.get(f'alonzo_{metric}_total{{account="{FUNCTIONS_ACCOUNT}",region="us-east-1",function="{name}"}}', 0))


def received(peer: AwsPeer, queue_url: str) -> Callable[[], list[dict[str, Any]]]:
    return lambda: peer.receive(queue_url)


def arn_of(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:{FUNCTIONS_ACCOUNT}:function:{name}"


def configure(server: Server, name: str, *, on_success: str | None = None, on_failure: str | None = None, **settings: Any) -> None:
    arns = {"OnSuccess": on_success, "OnFailure": on_failure}
    config = {name: {"Destination": arn} for name, arn in arns.items() if arn is not None}
    server.client("lambda").put_function_event_invoke_config(FunctionName=name, DestinationConfig=config, **settings)


def test_a_function_that_fails_three_times_is_told_of_in_both_ways(server: Server, peer: AwsPeer) -> None:
    (url, arn), (dead_url, dead_arn) = peer.create_queue("front-failures"), peer.create_queue("front-dead")
    server.deploy("fails", FAILS, DeadLetterConfig={"TargetArn": dead_arn})
    configure(server, "fails", on_failure=arn)
    request_id = invoke_event(server, "fails", {"what": "no"})

    (message,) = eventually(received(peer, url), what="a record", within_seconds=60)
    record = json.loads(message["Body"])
    assert record.pop("timestamp").endswith("Z")
    assert record.pop("responsePayload")["errorMessage"] == "oh no"
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{arn_of('fails')}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"what": "no"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    }
    (dead,) = eventually(received(peer, dead_url), what="a dead letter", within_seconds=60)
    assert json.loads(dead["Body"]) == {"what": "no"}
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "oh no"}


def test_a_function_that_succeeds_hands_on_to_the_next(server: Server) -> None:
    server.deploy("echoes", ECHOES)
    server.deploy("next", LOGS)
    configure(server, "echoes", on_success=arn_of("next"))
    invoke_event(server, "echoes", [1, "zwei"])
    messages = wait_for_log(server, "next", "GOT")
    record = json.loads(next(message for message in messages if "GOT" in message).partition("GOT ")[2])
    assert record["requestContext"]["condition"] == "Success"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"] == {"got": [1, "zwei"]}


def test_an_alias_has_destinations_of_its_own(server: Server, peer: AwsPeer) -> None:
    url, arn = peer.create_queue("front-alias")
    server.deploy("aliased", ECHOES)
    client = server.client("lambda")
    version = client.publish_version(FunctionName="aliased")["Version"]
    client.create_alias(FunctionName="aliased", Name="live", FunctionVersion=version)
    configure(server, "aliased", on_success=arn, Qualifier="live")
    invoke_event(server, "aliased", 1)
    invoke_event(server, "aliased", 2, Qualifier="live")
    (message,) = eventually(received(peer, url), what="a record")
    record = json.loads(message["Body"])
    assert record["requestPayload"] == 2
    assert record["requestContext"]["functionArn"] == f"{arn_of('aliased')}:live"
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": version}


def test_the_trace_goes_on_to_the_queue(server: Server, peer: AwsPeer) -> None:
    url, arn = peer.create_queue("front-traces")
    server.deploy("traces", TRACES)
    configure(server, "traces", on_success=arn)
    invoke_event(server, "traces", {})
    (message,) = eventually(received(peer, url), what="a record")
    assert message["Attributes"]["AWSTraceHeader"] == json.loads(message["Body"])["responsePayload"]


def test_a_function_without_concurrency_is_not_tried(server: Server, peer: AwsPeer) -> None:
    url, arn = peer.create_queue("front-off")
    server.deploy("switched-off", ECHOES)
    configure(server, "switched-off", on_failure=arn)
    server.client("lambda").put_function_concurrency(FunctionName="switched-off", ReservedConcurrentExecutions=0)
    invoke_event(server, "switched-off", {})
    (message,) = eventually(received(peer, url), what="a record")
    record = json.loads(message["Body"])
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == ("ZeroReservedConcurrency", 0)
    assert not {"responseContext", "responsePayload"} & record.keys()


def test_a_function_that_invokes_itself_runs_sixteen_times(server: Server, peer: AwsPeer) -> None:
    url, arn = peer.create_queue("front-loop")
    server.deploy("loop", INVOKES_ITSELF, MemorySize=1024, Timeout=60)
    configure(server, "loop", on_failure=arn)
    invoke_event(server, "loop", {})
    (message,) = eventually(received(peer, url), what="the end of the loop", within_seconds=120)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RecursiveInvocation"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["responseContext"] == {"statusCode": 400}
    rounds = [line.rpartition(":")[2].strip() for line in wait_for_log(server, "loop", "ROUND", count=16) if "ROUND" in line]
    assert sorted(rounds, key=int) == [str(number) for number in range(16)]
    assert counted(server, "recursive_invocations_dropped", "loop") == 1


def test_functions_that_are_each_others_destinations_end(server: Server, peer: AwsPeer) -> None:
    url, arn = peer.create_queue("front-ping-pong")
    server.deploy("ping", TRACES)
    server.deploy("pong", TRACES)
    configure(server, "ping", on_success=arn_of("pong"), on_failure=arn)
    configure(server, "pong", on_success=arn_of("ping"), on_failure=arn)
    invoke_event(server, "ping", {})
    (message,) = eventually(received(peer, url), what="the end of the loop", within_seconds=60)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RecursiveInvocation"
    assert record["requestContext"]["functionArn"] == f"{arn_of('ping')}:$LATEST"
    for name in ("ping", "pong"):
        messages = wait_for_log(server, name, "TRACE", count=16)
        assert sum("TRACE" in line for line in messages) == 16


def test_a_destination_that_is_not_there_is_counted_and_others_go_on(server: Server, peer: AwsPeer) -> None:
    url, arn = peer.create_queue("front-after")
    server.deploy("lost", ECHOES)
    configure(server, "lost", on_success=f"{arn}-missing")
    invoke_event(server, "lost", {})
    eventually(lambda: counted(server, "destination_delivery_failures", "lost") == 1, what="the failure counted")
    configure(server, "lost", on_success=arn)
    invoke_event(server, "lost", {})
    assert len(eventually(received(peer, url), what="a record")) == 1


def test_a_record_that_waits_for_its_destination_survives_a_kill(start_server: StartServer, peer: AwsPeer, tmp_path: Path) -> None:
    url, arn = peer.create_queue("front-kill")
    first = start_server("--aws-endpoint-url", "http://127.0.0.1:1", "--async-retry-delays", "0.1,0.1", data_directory=tmp_path / "data")
    first.deploy("survives", LOGS)
    configure(first, "survives", on_success=arn)
    invoke_event(first, "survives", {"a": 1})
    wait_for_log(first, "survives", "GOT")
    first.kill()
    second = start_server("--aws-endpoint-url", peer.endpoint_url, "--async-retry-delays", "0.1,0.1", data_directory=tmp_path / "data")
    messages = eventually(received(peer, url), what="the record", within_seconds=90)
    assert json.loads(messages[0]["Body"])["requestPayload"] == {"a": 1}
    assert read_log(second, "survives")


def test_a_server_that_stops_does_not_wait_for_destinations_and_tells_them_later(
    start_server: StartServer, peer: AwsPeer, tmp_path: Path
) -> None:
    url, arn = peer.create_queue("front-stop")
    first = start_server("--aws-endpoint-url", "http://127.0.0.1:1", data_directory=tmp_path / "data")
    first.deploy("waits", LOGS)
    configure(first, "waits", on_success=arn)
    invoke_event(first, "waits", {"a": 1})
    wait_for_log(first, "waits", "GOT")
    assert first.stop() == 0
    start_server("--aws-endpoint-url", peer.endpoint_url, data_directory=tmp_path / "data")
    messages = eventually(received(peer, url), what="the record", within_seconds=90)
    assert json.loads(messages[0]["Body"])["requestPayload"] == {"a": 1}
