"""A browser: tokens that are sent as server-sent events arrive one by one, and CORS lets pages of other origins in, or keeps them out."""

from typing import Any

from tests.process.test_nodejs import deploy
from tests.support.browser import open_page
from tests.support.event_sink import EventSink
from tests.support.function_urls import public_url
from tests.support.server import Server
from tests.support.waiting import eventually

_STREAMS = """
const gate = async (url) => { while (await (await fetch(url)).text() !== "open") await new Promise((r) => setTimeout(r, 20)); };
const page = (sink, open, secret) => `<!doctype html><script>
  const report = (id) => fetch("${sink}/ran", {method: "POST", mode: "no-cors", body: JSON.stringify({id})});
  const source = new EventSource("/events?sink=${sink}");
  source.onmessage = async (message) => {
    await report(message.data);
    if (message.data !== "three") return;
    source.close();
    const ask = async (url) => {
      try {
        const answer = await fetch(url, {method: "PUT", headers: {"X-Custom": "a"}, body: "b", credentials: "include"});
        await report(await answer.text() + answer.status + answer.headers.get("x-told") + answer.headers.get("x-untold"));
      } catch (error) {
        await report(error.name);
      }
    };
    await ask("${open}");
    await ask("${secret}");
  };
</script>`;
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const { sink, open, secret } = event.queryStringParameters;
  const type = event.rawPath === "/page" ? "text/html" : "text/event-stream";
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: { "Content-Type": type } });
  if (event.rawPath === "/page") {
    stream.end(page(sink, open, secret));
    return;
  }
  for (const token of ["one", "two", "three"]) {
    stream.write(`data: ${token}\\n\\n`);
    await gate(`${sink}/gates/${token}`);
  }
  stream.end();
});
"""
_ANSWERS = """
def handler(event, context):
    return {"statusCode": 201, "headers": {"x-told": "yes", "x-untold": "no"}, "body": event["requestContext"]["http"]["method"]}
"""


def test_a_page_reads_a_stream_and_asks_another_function(server: Server) -> None:
    streams = public_url(server, deploy(server, "browser-streams", _STREAMS, Timeout=60), InvokeMode="RESPONSE_STREAM")
    cors: dict[str, Any] = {"AllowMethods": ["PUT"], "AllowHeaders": ["x-custom"], "ExposeHeaders": ["x-told"], "AllowCredentials": True}
    allowed = public_url(server, server.deploy("browser-open", _ANSWERS), Cors=cors | {"AllowOrigins": [streams.rstrip("/")]})
    forbidden = public_url(
        server, server.deploy("browser-secret", _ANSWERS), Cors=cors | {"AllowOrigins": ["https://elsewhere.example.com"]}
    )
    with EventSink() as sink, open_page(f"{streams}page?sink={sink.url}&open={allowed}&secret={forbidden}"):
        for count, token in enumerate(("one", "two", "three"), start=1):
            eventually(lambda count=count: len(sink.reports) >= count, what=f"the token {token}")
            assert sink.reports[count - 1]["id"] == token
            sink.open(token)  # the function sends nothing more until this one has come
        eventually(lambda: len(sink.reports) >= 5, what="two answers of other functions")
    assert [report["id"] for report in sink.reports[3:]] == ["PUT201yesnull", "TypeError"]
