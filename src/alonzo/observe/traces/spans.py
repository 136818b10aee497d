"""Segments as OpenTelemetry's spans, in export requests of OTLP.

Sources: https://opentelemetry.io/docs/specs/semconv/faas/faas-spans/, https://opentelemetry.io/docs/specs/semconv/faas/aws-lambda/,
https://opentelemetry.io/docs/specs/semconv/http/http-spans/ for names; AWS's collector (awsxrayexporter) for what corresponds to what.

A node that exports nothing does not import this: it takes protobuf's messages.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope
from alonzo.model.trace_header import SEGMENT_ID
from alonzo.observe.otlp import AttributeValue, add_attributes
from alonzo.observe.traces.documents import Part, Segment, read_segment
from alonzo.observe.traces.lambda_segments import FUNCTION_ORIGIN, SERVICE_ORIGIN, OwnSegment
from alonzo.observe.traces.span_moulds import SpanMoulds, VersionMoulds, nanoseconds

_NAMESPACES_OF_CALLS = frozenset({"aws", "remote"})
_OWN_ORIGINS = frozenset({SERVICE_ORIGIN, FUNCTION_ORIGIN})


class SpanExporter:
    """One a node. `version`: of who tells."""

    def __init__(self, *, version: str) -> None:
        self._version = version
        self._moulds = SpanMoulds(make=_spans_of)

    def export_request(self, documents: Sequence[tuple[Scope, Segment] | OwnSegment]) -> tuple[bytes, int]:
        """The request that tells of these documents, and how many spans are in it. What goes on is told when it has ended.

        Spans are made in their places, those of one resource together: protobuf copies what is put into a message.
        """
        request, count = ExportTraceServiceRequest(), 0
        places: dict[_Resource, ScopeSpans] = {}
        moulded: dict[VersionMoulds, list[bytes]] = {}
        for document in documents:
            if isinstance(document, OwnSegment):
                moulds = self._moulds.of(document.version)
                spans = moulds.find(document.run)
                if spans is not None:
                    moulded.setdefault(moulds, []).append(spans.content)
                    count += spans.span_count
                    continue
                resource, segment = _resource_of_own(document.version), read_segment(document.document())
            else:
                scope, segment = document
                resource = _resource_of(scope, segment)
            count += _add_spans(self._place(request, places, resource), segment)
        for moulds, contents in moulded.items():
            self._place(request, places, _resource_of_own(moulds.version)).MergeFromString(b"".join(contents))
        return request.SerializeToString(), count

    def _place(self, request: ExportTraceServiceRequest, places: "dict[_Resource, ScopeSpans]", resource: "_Resource") -> ScopeSpans:
        place = places.get(resource)
        if place is None:
            described = request.resource_spans.add()
            add_attributes(described.resource.attributes, resource.attributes())
            place = places[resource] = described.scope_spans.add()
            place.scope.name, place.scope.version = "alonzo", self._version
        return place


class _Resource(NamedTuple):
    """What spans are of. `function_arn`: of a function, as Lambda tells of it; `service_name` None: of a part of who knows what."""

    scope: Scope
    service_name: str | None
    function_arn: str | None

    def attributes(self) -> dict[str, AttributeValue | None]:
        said: dict[str, AttributeValue | None] = {
            "cloud.provider": "aws",
            "cloud.account.id": self.scope.account_id,
            "cloud.region": self.scope.region,
            "service.name": self.service_name,
        }
        arn = self.function_arn
        if arn is not None:
            said |= {
                "cloud.platform": "aws_lambda",
                "cloud.resource_id": arn,
                "faas.name": self.service_name,
                "faas.version": arn.split(":")[7] if arn.count(":") >= 7 else None,  # noqa: PLR2004 - of an ARN with a version
            }
        return said


def _resource_of_own(version: FunctionVersion) -> _Resource:
    return _Resource(version.scope, version.name, version.qualified_arn)


def _resource_of(scope: Scope, segment: Segment) -> _Resource:
    if segment.origin in _OWN_ORIGINS:
        return _Resource(scope, segment.name, segment.resource_arn or "")
    return _Resource(scope, None if segment.is_subsegment else segment.name, None)


def _spans_of(own: OwnSegment) -> tuple[bytes, int]:
    place = ScopeSpans()
    count = _add_spans(place, read_segment(own.document()))
    return place.SerializeToString(), count


def _add_spans(place: ScopeSpans, segment: Segment) -> int:
    """How many they are."""
    trace_id, count = bytes.fromhex(segment.trace_id[2:].replace("-", "")), 0
    waiting: list[tuple[Part, str | None]] = [(segment, segment.parent_id)]
    while waiting:
        part, parent_id = waiting.pop()
        waiting += [(each, part.id) for each in part.subsegments]
        if part.end_time is not None and SEGMENT_ID.fullmatch(part.id):
            _write_span(place.spans.add(), part, trace_id, parent_id)
            count += 1
    return count


def _write_span(span: Span, part: Part, trace_id: bytes, parent_id: str | None) -> None:
    span.trace_id = trace_id
    span.span_id = bytes.fromhex(part.id)
    if parent_id is not None and SEGMENT_ID.fullmatch(parent_id):
        span.parent_span_id = bytes.fromhex(parent_id)
    span.name = part.name
    span.kind = _kind(part)
    span.start_time_unix_nano = nanoseconds(part.start_time)
    span.end_time_unix_nano = nanoseconds(max(part.start_time, part.end_time or 0.0))
    add_attributes(span.attributes, _attributes(part))
    exceptions = list(_iter_exceptions(part))
    for exception in exceptions:
        event = span.events.add(name="exception", time_unix_nano=span.end_time_unix_nano)
        add_attributes(event.attributes, {f"exception.{name}": _text(exception.get(name)) for name in ("type", "message")})
    if part.fault or part.error or part.throttle:
        span.status.code = Status.STATUS_CODE_ERROR
        span.status.message = (_text(exceptions[0].get("message")) if exceptions else None) or ""


def _kind(part: Part) -> "Span.SpanKind.ValueType":
    if part.namespace in _NAMESPACES_OF_CALLS:
        return Span.SPAN_KIND_CLIENT
    is_server = isinstance(part, Segment) and not part.is_subsegment
    return Span.SPAN_KIND_SERVER if is_server else Span.SPAN_KIND_INTERNAL


def _attributes(part: Part) -> dict[str, AttributeValue | None]:
    said: dict[str, AttributeValue | None] = {}
    for name, value in (part.annotations or {}).items():
        if isinstance(value, str | bool) or (isinstance(value, int | float) and _is_expressible(value)):
            said[name] = value
    aws = part.aws or {}
    if isinstance(part, Segment) and part.origin == FUNCTION_ORIGIN:
        said |= {"faas.invocation_id": _text(aws.get("request_id")), "faas.coldstart": aws.get("cold_start") is True}
    elif "operation" in aws:
        said |= {"rpc.system": "aws-api", "rpc.service": part.name, "rpc.method": _text(aws["operation"])}
    if isinstance(aws.get("request_id"), str):
        said["aws.request_id"] = aws["request_id"]
    if part.http is not None:
        said |= _http_attributes(part.http)
    if part.sql is not None:
        said["db.query.text"] = _text(part.sql.get("sanitized_query"))
    if part.throttle:
        said["aws.xray.throttle"] = True
    return said


def _http_attributes(http: Mapping[str, Any]) -> dict[str, AttributeValue | None]:
    request, status = _content(http, "request"), _content(http, "response").get("status")
    return {
        "http.request.method": _text(request.get("method")),
        "url.full": _text(request.get("url")),
        "user_agent.original": _text(request.get("user_agent")),
        "client.address": _text(request.get("client_ip")),
        "http.response.status_code": status if isinstance(status, int) and _is_expressible(status) else None,
    }


def _iter_exceptions(part: Part) -> Iterator[Mapping[str, Any]]:
    exceptions = part.cause.get("exceptions") if isinstance(part.cause, dict) else None
    for exception in exceptions if isinstance(exceptions, list) else ():
        if isinstance(exception, dict):
            yield exception


def _content(http: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    content = http.get(name)
    return content if isinstance(content, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_expressible(number: float) -> bool:
    """OTLP's integers have 64 bits."""
    return math.isfinite(number) and abs(number) < 2**63
