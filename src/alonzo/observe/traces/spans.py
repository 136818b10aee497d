"""Segments as OpenTelemetry's spans, in export requests of OTLP.

Sources: https://opentelemetry.io/docs/specs/semconv/faas/faas-spans/, https://opentelemetry.io/docs/specs/semconv/faas/aws-lambda/,
https://opentelemetry.io/docs/specs/semconv/http/http-spans/ for names; AWS's collector (awsxrayexporter) for what corresponds to what.

A node that exports nothing does not import this: it takes protobuf's messages.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from alonzo.model.scope import Scope
from alonzo.observe.otlp import AttributeValue, attributes
from alonzo.observe.traces.documents import Part, Segment
from alonzo.observe.traces.lambda_segments import FUNCTION_ORIGIN, SERVICE_ORIGIN

_NAMESPACES_OF_CALLS = frozenset({"aws", "remote"})
_NANOSECONDS = 1_000_000_000


def export_request(documents: Sequence[tuple[Scope, Segment]], *, version: str) -> tuple[bytes, int]:
    """The request that tells of these documents, and how many spans are in it. What goes on is told when it has ended."""
    request, count = ExportTraceServiceRequest(), 0
    for scope, segment in documents:
        spans = list(_iter_spans(segment))
        count += len(spans)
        scope_spans = ScopeSpans(spans=spans)
        scope_spans.scope.name, scope_spans.scope.version = "alonzo", version
        request.resource_spans.append(ResourceSpans(resource=_resource(scope, segment), scope_spans=[scope_spans]))
    return request.SerializeToString(), count


def _resource(scope: Scope, segment: Segment) -> Resource:
    said: dict[str, AttributeValue | None] = {"cloud.provider": "aws", "cloud.account.id": scope.account_id, "cloud.region": scope.region}
    if segment.origin in {SERVICE_ORIGIN, FUNCTION_ORIGIN}:
        arn = segment.resource_arn or ""
        said |= {
            "service.name": segment.name,
            "cloud.platform": "aws_lambda",
            "cloud.resource_id": arn,
            "faas.name": segment.name,
            "faas.version": arn.split(":")[7] if arn.count(":") >= 7 else None,  # noqa: PLR2004 - of an ARN with a version
        }
    elif not segment.is_subsegment:
        said["service.name"] = segment.name
    return Resource(attributes=attributes(said))


def _iter_spans(segment: Segment) -> Iterator[Span]:
    trace_id = bytes.fromhex(segment.trace_id[2:].replace("-", ""))
    waiting: list[tuple[Part, str | None]] = [(segment, segment.parent_id)]
    while waiting:
        part, parent_id = waiting.pop()
        waiting += [(each, part.id) for each in part.subsegments]
        if part.end_time is not None and _is_id(part.id):
            yield _span(part, trace_id, parent_id)


def _span(part: Part, trace_id: bytes, parent_id: str | None) -> Span:
    span = Span(
        trace_id=trace_id,
        span_id=bytes.fromhex(part.id),
        parent_span_id=bytes.fromhex(parent_id) if parent_id is not None and _is_id(parent_id) else b"",
        name=part.name,
        kind=_kind(part),
        start_time_unix_nano=int(part.start_time * _NANOSECONDS),
        end_time_unix_nano=int(max(part.start_time, part.end_time or 0.0) * _NANOSECONDS),
        attributes=attributes(_attributes(part)),
    )
    exceptions = list(_iter_exceptions(part))
    for exception in exceptions:
        event = span.events.add(name="exception", time_unix_nano=span.end_time_unix_nano)
        event.attributes.extend(attributes({f"exception.{name}": _text(exception.get(name)) for name in ("type", "message")}))
    if part.fault or part.error or part.throttle:
        span.status.code = Status.STATUS_CODE_ERROR
        span.status.message = (_text(exceptions[0].get("message")) if exceptions else None) or ""
    return span


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
    request, response = _content(part.http, "request"), _content(part.http, "response")
    said |= {
        "http.request.method": _text(request.get("method")),
        "url.full": _text(request.get("url")),
        "user_agent.original": _text(request.get("user_agent")),
        "client.address": _text(request.get("client_ip")),
        "db.query.text": _text((part.sql or {}).get("sanitized_query")),
    }
    status = response.get("status")
    if isinstance(status, int) and _is_expressible(status):
        said["http.response.status_code"] = status
    if part.throttle:
        said["aws.xray.throttle"] = True
    return said


def _iter_exceptions(part: Part) -> Iterator[Mapping[str, Any]]:
    exceptions = part.cause.get("exceptions") if isinstance(part.cause, dict) else None
    for exception in exceptions if isinstance(exceptions, list) else ():
        if isinstance(exception, dict):
            yield exception


def _content(http: dict[str, Any] | None, name: str) -> Mapping[str, Any]:
    content = (http or {}).get(name)
    return content if isinstance(content, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_id(text: str) -> bool:
    return len(text) == 16 and text.isascii() and all(digit in "0123456789abcdef" for digit in text)  # noqa: PLR2004


def _is_expressible(number: float) -> bool:
    """OTLP's integers have 64 bits."""
    return math.isfinite(number) and abs(number) < 2**63
