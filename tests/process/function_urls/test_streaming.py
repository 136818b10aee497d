"""RESPONSE_STREAM: what a function writes arrives as it is written, with the metadata that came first."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from tests.process.test_nodejs import deploy
from tests.support.event_sink import EventSink
from tests.support.function_urls import ECHO, public_url
from tests.support.http_exchange import exchange
from tests.support.server import Server

_TOKENS = """
const gate = async (url) => { while (await (await fetch(url)).text() !== "open") await new Promise((r) => setTimeout(r, 20)); };
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const query = event.queryStringParameters ?? {};
  if (event.rawPath === "/early") throw new Error("before anything was written");
  if (event.rawPath === "/plain") {
    stream.setContentType("text/plain; charset=utf-8");
    stream.end("no metadata");
    return;
  }
  if (event.rawPath === "/pours") {
    for (let count = 0; count < 20; count++) {
      if (!stream.write(Buffer.alloc(1 << 20, "x"))) await new Promise((resolve) => stream.once("drain", resolve));
    }
    stream.end();
    return;
  }
  stream = awslambda.HttpResponseStream.from(stream, {
    statusCode: 207, headers: {"Content-Type": "text/event-stream", "X-Of": "stream"}, cookies: ["a=b", "c=d; Path=/"],
  });
  for (const token of ["one", "two", "three"]) {
    stream.write(`data: ${token}\\n\\n`);
    if (query.gates) await gate(query.gates + token);
  }
  if (event.rawPath === "/late") throw new Error("on the way");
  stream.end();
});
"""


@pytest.fixture(scope="module")
def stream_url(server: Server) -> str:
    return public_url(server, deploy(server, "tokens", _TOKENS), InvokeMode="RESPONSE_STREAM")


def test_tokens_arrive_one_by_one(server: Server, stream_url: str) -> None:
    address = urlsplit(server.endpoint_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
    with EventSink() as sink:
        connection.request("GET", f"/?gates={sink.url}/gates/", headers={"Host": urlsplit(stream_url).netloc})
        answer = connection.getresponse()
        assert answer.status == 207
        assert answer.getheader("Content-Type") == "text/event-stream"
        assert answer.getheader("X-Of") == "stream"
        assert answer.headers.get_all("Set-Cookie") == ["a=b", "c=d; Path=/"]
        assert answer.getheader("Transfer-Encoding") == "chunked"
        for token in ("one", "two", "three"):
            assert answer.readline() == f"data: {token}\n".encode()
            assert answer.readline() == b"\n"
            sink.open(token)  # the function writes nothing more until this one has come
        assert answer.read() == b""
    connection.close()


def test_a_stream_without_metadata(server: Server, stream_url: str) -> None:
    answer = exchange(server.endpoint_url, f"{stream_url}plain")
    assert (answer.status, answer.text) == (200, "no metadata")
    assert answer.values("content-type") == ["text/plain; charset=utf-8"]


def test_errors(server: Server, stream_url: str) -> None:
    early = exchange(server.endpoint_url, f"{stream_url}early")
    assert (early.status, early.text) == (502, "Internal Server Error")
    with EventSink() as sink:
        for token in ("one", "two", "three"):
            sink.open(token)
        with pytest.raises(http.client.IncompleteRead):
            exchange(server.endpoint_url, f"{stream_url}late?gates={sink.url}/gates/")
    assert "without completing response" not in server.log_file.read_text(), "the failure is not the server's"


def test_large_streams(server: Server, stream_url: str) -> None:
    answer = exchange(server.endpoint_url, f"{stream_url}pours")
    assert len(answer.body) == 20 << 20
    assert answer.values("content-type") == ["application/octet-stream"]


def test_a_function_that_does_not_stream(server: Server) -> None:
    """What it returns is the body, whatever it looks like: recorded."""
    url = public_url(server, server.deploy("buffered", ECHO), InvokeMode="RESPONSE_STREAM")
    told = json.dumps({"statusCode": 418, "body": "x"}).encode()
    answer = exchange(server.endpoint_url, f"{url}answer", "POST", headers=[("Content-Type", "application/json")], body=told)
    assert answer.status == 200
    assert json.loads(answer.body) == {"statusCode": 418, "body": "x"}


def test_a_streaming_function_behind_a_url_that_buffers(server: Server, stream_url: str) -> None:
    server.client("lambda").update_function_url_config(FunctionName="tokens", InvokeMode="BUFFERED")
    try:
        assert exchange(server.endpoint_url, f"{stream_url}plain").status == 502  # no JSON
    finally:
        server.client("lambda").update_function_url_config(FunctionName="tokens", InvokeMode="RESPONSE_STREAM")
