"""A receiver of OTLP over HTTP: keeps what it is sent, as the messages that OpenTelemetry's own definitions make of it."""

import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class OtlpCollector:
    """Listens while `with` lasts. `statuses`: what the first requests are answered with, instead of being taken."""

    def __init__(self, *statuses: int) -> None:
        self.received: deque[tuple[str, bytes]] = deque()
        self._statuses = deque(statuses)
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = collector.take(self.path, body, self.headers["content-type"])
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Tests read what was received."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """What `--otlp-endpoint` is told."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, path: str, body: bytes, content_type: str) -> int:
        """A request has come; the status of the answer."""
        if self._statuses:
            return self._statuses.popleft()
        assert content_type == "application/x-protobuf"
        self.received.append((path, body))
        return 200

    def metrics(self) -> list[tuple[dict[str, str], Metric]]:
        """All metrics that have come, each with the attributes of its resource."""
        found = []
        for path, body in list(self.received):
            if path == "/v1/metrics":
                for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
                    found += [(attributes, metric) for scope in resource.scope_metrics for metric in scope.metrics]
        return found

    def spans(self) -> list[tuple[dict[str, str], Span]]:
        """All spans that have come, each with the attributes of its resource."""
        found = []
        for path, body in list(self.received):
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
                    found += [(attributes, span) for scope in resource.scope_spans for span in scope.spans]
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
