"""What functions report to: an HTTP server of the test's, outside of the platform, that survives every kill of it.

A function tells that it runs, and may be told to wait until the test opens a gate.
"""

import json
import threading
import time
from collections import Counter
from typing import Any

from tests.support.http_server import LocalHttpHandler, LocalHttpServer
from tests.support.server import Server

REPORTING = """
import json, os, time, urllib.request

def handler(event, context):
    report = {"id": event["id"], "request_id": context.aws_request_id, "arn": context.invoked_function_arn,
              "version": context.function_version}
    urllib.request.urlopen(urllib.request.Request(event["sink"] + "/ran", data=json.dumps(report).encode())).read()
    while "gate" in event:
        if urllib.request.urlopen(event["sink"] + "/gates/" + event["gate"]).read() == b"open":
            break
        time.sleep(0.05)
    if event.get("exit"):
        os._exit(1)
    if event.get("flaky") and urllib.request.urlopen(event["sink"] + "/runs/" + context.aws_request_id).read() == b"1":
        raise ValueError("told to fail the first time")
    if event.get("fail"):
        raise ValueError("told to fail")
    if "gate" in event:
        urllib.request.urlopen(urllib.request.Request(event["sink"] + "/ended", data=json.dumps(report).encode())).read()
    return event["id"]
"""
"""A function whose events are `{"id", "sink", "gate"?, "fail"?, "exit"?, "flaky"?}`."""


class EventSink(LocalHttpServer):
    """Started and ended by `with`. Reports are kept in the order in which they came."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.reports: list[dict[str, Any]] = []
        self.ran_at: list[float] = []
        """When each report came, in monotonic seconds."""
        self.ended_ids: list[Any] = []
        self._open_gates: set[str] = set()
        self._lock = threading.Lock()

    def send(self, server: Server, name: str, event_id: Any, *, client: Any = None, **parameters: Any) -> str:
        """Have a function invoked asynchronously; the request id. What is not a parameter of Invoke goes into the event."""
        known = {key: parameters.pop(key) for key in ("Qualifier",) if key in parameters}
        event = {"id": event_id, "sink": self.url, **parameters}
        client = client or server.client("lambda")
        answer = client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode(), **known)
        assert answer["StatusCode"] == 202
        request_id: str = answer["ResponseMetadata"]["RequestId"]
        return request_id

    def open(self, gate: str) -> None:
        """Let go on who waits there."""
        self._open_gates.add(gate)

    def is_open(self, gate: str) -> bool:
        """Whether nobody has to wait there."""
        return gate in self._open_gates

    def run_count(self, request_id: str) -> int:
        """How often an event ran. One that was sent twice, since its first request was not answered, is two."""
        return sum(report.get("request_id") == request_id for report in list(self.reports))

    def note(self, report: dict[str, Any]) -> None:
        """An event runs."""
        with self._lock:
            self.ran_at.append(time.monotonic())
            self.reports.append(report)

    def runs(self) -> list[tuple[str, float]]:
        """The request ids of the events that ran, and when: as `ran_at`."""
        with self._lock:
            return [(report["request_id"], at) for report, at in zip(self.reports, self.ran_at, strict=True)]

    def counts(self) -> Counter[Any]:
        """How often each event ran."""
        return Counter(report["id"] for report in list(self.reports))

    def ids(self) -> list[Any]:
        """The events in the order in which they ran."""
        return [report["id"] for report in list(self.reports)]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A function that was killed while it reported: nothing that anybody has to see."""


class _Handler(LocalHttpHandler):
    server: EventSink

    def do_POST(self) -> None:
        report = json.loads(self.body())
        if self.path == "/ran":
            self.server.note(report)
        else:
            self.server.ended_ids.append(report["id"])
        self.answer()

    def do_GET(self) -> None:
        _, kind, name = self.path.split("/")
        if kind == "runs":
            self.answer(str(self.server.run_count(name)).encode())
        else:
            self.answer(b"open" if self.server.is_open(name) else b"shut")
