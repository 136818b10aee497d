"""A receiver of OTLP over HTTP: keeps what it is sent, as the messages that OpenTelemetry's own definitions make of it."""

from collections import deque

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.http_server import LocalHttpHandler, LocalHttpServer


class OtlpCollector(LocalHttpServer):
    """Listens while `with` lasts. `statuses`: what the first requests are answered with, instead of being taken."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(_Handler)
        self.received: deque[tuple[str, bytes]] = deque()
        self._statuses = deque(statuses)

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


class _Handler(LocalHttpHandler):
    protocol_version = "HTTP/1.1"
    server: OtlpCollector

    def do_POST(self) -> None:
        self.answer(status=self.server.take(self.path, self.body(), self.headers["content-type"]))
