"""`InvokeWithResponseStream`: what a function writes comes as it is written, in bounded memory, to its end or to its error."""

import json
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from tests.process.test_nodejs import deploy
from tests.support.event_sink import EventSink
from tests.support.server import Server

_STREAMS = """
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  for (const part of event.parts) {
    stream.write(part);
    await new Promise((resolve) => setTimeout(resolve, event.pause ?? 0));
    const isShut = async () => await (await fetch(event.gates + part)).text() !== "open";
    while (event.gates && await isShut()) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (event.fails) throw new TypeError("on the way");
  stream.end();
});
"""
_POURS = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const part = Buffer.alloc(1 << 20, "x");
  for (let count = 0; count < event; count++) {
    if (!stream.write(part)) await new Promise((resolve) => stream.once("drain", resolve));
  }
  stream.end();
});
"""
_MIB = 1 << 20


def stream(server: Server, name: str, event: Any, **parameters: Any) -> list[dict[str, Any]]:
    answer = server.client("lambda").invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event), **parameters)
    return list(answer["EventStream"])


def body_of(events: list[dict[str, Any]]) -> bytes:
    return b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)


@pytest.fixture(scope="module")
def streaming(server: Server) -> str:
    return deploy(server, "streams", _STREAMS)


def test_parts_come_as_they_are_written(server: Server, streaming: str) -> None:
    parts = ["one", "two", "three"]
    with EventSink() as sink:
        event = {"parts": parts, "gates": f"{sink.url}/gates/"}
        answer = server.client("lambda").invoke_with_response_stream(FunctionName=streaming, Payload=json.dumps(event))
        assert answer["ExecutedVersion"] == "$LATEST"
        arrivals = iter(answer["EventStream"])
        for part in parts:
            assert next(arrivals)["PayloadChunk"]["Payload"] == part.encode()
            sink.open(part)  # the function writes nothing more until its part has come
        assert list(arrivals) == [{"InvokeComplete": {}}]


def test_an_error_on_the_way_is_told_at_the_end(server: Server, streaming: str) -> None:
    events = stream(server, streaming, {"parts": ["begun"], "pause": 20, "fails": True})
    assert body_of(events) == b"begun"
    completion = events[-1]["InvokeComplete"]
    assert completion["ErrorCode"] == "Unhandled"
    assert json.loads(completion["ErrorDetails"])["errorMessage"] == "on the way"


def test_an_error_before_the_first_byte_is_told_the_same_way(server: Server, streaming: str) -> None:
    events = stream(server, streaming, {"parts": [], "fails": True})
    assert body_of(events) == b""
    assert json.loads(events[-1]["InvokeComplete"]["ErrorDetails"])["errorType"] == "TypeError"


def test_the_tail_of_the_log_comes_with_the_end(server: Server, streaming: str) -> None:
    events = stream(server, streaming, {"parts": ["x"]}, LogType="Tail")
    assert "LogResult" in events[-1]["InvokeComplete"]


def test_a_function_that_does_not_stream_answers_in_one_part(server: Server) -> None:
    name = server.deploy("buffered", "def handler(event, context):\n    return event\n")
    events = stream(server, name, {"a": 1})
    assert json.loads(body_of(events)) == {"a": 1}
    assert events[-1] == {"InvokeComplete": {}}


def test_a_streaming_function_can_be_invoked_without_a_stream(server: Server, streaming: str) -> None:
    answer = server.client("lambda").invoke(FunctionName=streaming, Payload=json.dumps({"parts": ["a", "b"]}))
    assert answer["Payload"].read() == b"ab"


def test_a_function_that_is_not_there_is_an_error_of_the_request(server: Server) -> None:
    with pytest.raises(ClientError) as raised:
        stream(server, "nobody", {})
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_timeout_ends_the_stream(server: Server) -> None:
    name = deploy(server, "streams-slowly", _STREAMS, Timeout=1)
    events = stream(server, name, {"parts": ["a", "b"], "pause": 5_000})
    assert body_of(events) == b"a"
    assert json.loads(events[-1]["InvokeComplete"]["ErrorDetails"])["errorType"] == "Sandbox.Timedout"


def test_much_is_streamed_in_little_memory(server: Server) -> None:
    name = deploy(server, "pours", _POURS, Timeout=60, MemorySize=256)
    node = psutil.Process(server.process.pid)
    stream(server, name, 1)
    before = node.memory_info().rss
    answer = server.client("lambda").invoke_with_response_stream(FunctionName=name, Payload="64")
    received, most = 0, 0
    for event in answer["EventStream"]:
        received += len(event.get("PayloadChunk", {}).get("Payload", b""))
        most = max(most, node.memory_info().rss)
    assert received == 64 * _MIB
    assert most - before < 24 * _MIB


def test_a_client_that_goes_away_harms_nobody(server: Server, streaming: str) -> None:
    answer = server.client("lambda").invoke_with_response_stream(FunctionName="pours", Payload="64")
    next(iter(answer["EventStream"]))
    answer["EventStream"].close()
    assert body_of(stream(server, streaming, {"parts": ["still", " there"]})) == b"still there"
