"""InvokeAsync, the deprecated way to invoke a function without waiting. Source: botocore's model."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import StartServer
from tests.support.event_sink import REPORTING, EventSink
from tests.support.queues import wait_for_queue
from tests.support.waiting import eventually

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def refusal(client: Any, name: str, event: bytes) -> tuple[int, str]:
    with pytest.raises(ClientError) as raised:
        client.invoke_async(FunctionName=name, InvokeArgs=event)
    return raised.value.response["ResponseMetadata"]["HTTPStatusCode"], raised.value.response["Error"]["Code"]


def test_it_accepts_what_runs_and_refuses_what_cannot(start_server: StartServer) -> None:
    server = start_server()
    name, client = server.deploy("invoked-async", REPORTING), server.client("lambda")
    with EventSink() as sink:
        answer = client.invoke_async(FunctionName=name, InvokeArgs=json.dumps({"id": 1, "sink": sink.url}).encode())
        assert (answer["Status"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (202, 202)
        (report,) = eventually(lambda: sink.reports, what="the event's run")
        assert report["request_id"] == answer["ResponseMetadata"]["RequestId"]
        assert refusal(client, name, b"{not json") == (400, "InvalidRequestContentException")
        assert refusal(client, "nobody", b"{}") == (404, "ResourceNotFoundException")
        wait_for_queue(server, name, accepted=1, delivered=1)
