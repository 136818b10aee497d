"""Spans of invocations that are made of moulds are those that protobuf writes field by field."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from alonzo.clock import ManualClock
from alonzo.model.function import CodePackage, FunctionVersion, LoggingConfig
from alonzo.model.scope import Scope
from alonzo.model.trace_header import read_sampled, read_trace_header
from alonzo.observe.traces.documents import Segment, read_segment
from alonzo.observe.traces.lambda_segments import FunctionRun, OwnSegment, Run, ServiceRun, Times
from alonzo.observe.traces.spans import SpanExporter
from alonzo.observe.traces.store import TraceStore

HEX = "0123456789abcdef"
IDS = st.text(HEX, min_size=16, max_size=16)
INSTANTS = st.floats(0.001, 1e10)
REQUESTS = st.uuids().map(str) | st.text("%b%d\x00\x7f\x1eä", max_size=5)


def a_traced_version(name: str = "moulded%d") -> FunctionVersion:
    return FunctionVersion(
        scope=Scope("000000000000", "us-east-1"),
        name=name,
        runtime="python3.11",
        handler="app.handler",
        role="arn:aws:iam::000000000000:role/test",
        code=CodePackage(sha256="0" * 64, size_bytes=1),
        logging=LoggingConfig(log_group="/aws/lambda/moulded"),
        runtime_version_arn=None,
        last_modified_unix_ms=0,
        revision_id="1",
    )


VERSION = a_traced_version()


@st.composite
def runs(draw: st.DrawFn) -> Run:
    instants = sorted(draw(st.lists(INSTANTS, min_size=5, max_size=5)))
    said: dict[str, Any] = {
        "trace_id": f"1-{draw(IDS)[:8]}-{draw(IDS)}{draw(IDS)[:8]}",
        "parent_id": draw(st.none() | IDS),
        "segment_id": draw(IDS),
        "request_id": draw(REQUESTS),
    }
    if draw(st.booleans()):
        return ServiceRun(**said, times=Times(instants[0], instants[1]), status=draw(st.sampled_from([200, 202, 404, 429, 500])))
    before = draw(st.sampled_from([None, "initialization", "restore"]))
    return FunctionRun(
        **said,
        invocation_id=draw(IDS),
        part_ids=draw(IDS) + draw(IDS) + draw(IDS),
        invocation=Times(instants[2], instants[3]),
        ended_at=draw(st.sampled_from([instants[3], instants[4]])),
        error=draw(st.sampled_from([None, None, ("Boom", "half a character: \ud800")])),
        **({} if before is None else {before: Times(instants[0], instants[1])}),
    )


def read_spans(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    return [span for each in request.resource_spans for scope_spans in each.scope_spans for span in scope_spans.spans]


def in_order(spans: list[Span]) -> list[bytes]:
    return sorted(span.SerializeToString(deterministic=True) for span in spans)


@given(st.lists(runs(), min_size=1, max_size=8))
def test_spans_of_moulds_are_those_of_the_documents(given_runs: list[Run]) -> None:
    owns = [OwnSegment(VERSION, run) for run in given_runs]
    moulded, count = SpanExporter(version="1").export_request(owns)
    written, written_count = SpanExporter(version="1").export_request([(VERSION.scope, read_segment(own.document())) for own in owns])
    assert count == written_count == len(read_spans(moulded))
    assert in_order(read_spans(moulded)) == in_order(read_spans(written))
    resources = [
        [each.resource.SerializeToString() for each in ExportTraceServiceRequest.FromString(body).resource_spans]
        for body in (moulded, written)
    ]
    assert resources[0] == resources[1]


class Listener:
    def __init__(self) -> None:
        self.told: list[OwnSegment | str] = []

    def note(self, scope: Scope, segment: Segment) -> None:
        pytest.fail(f"{scope} {segment}")

    def note_own(self, segments: Sequence[OwnSegment]) -> None:
        self.told += segments

    def expect(self) -> None:
        self.told.append("something")


@given(runs())
def test_what_is_kept_of_an_invocation_is_read_as_its_document(run: Run) -> None:
    store, listener = TraceStore(clock=ManualClock(), max_bytes=100_000, max_age_seconds=60.0), Listener()
    store.listen(listener)
    store.keep_own(VERSION, run)
    assert listener.told == ["something"]
    own = OwnSegment(VERSION, run)
    (trace,) = store.find(VERSION.scope, [run.trace_id])
    assert trace.documents == {run.segment_id: own.document()}
    segment = read_segment(own.document())
    assert (trace.start_seconds, trace.end_seconds) == (segment.start_time, segment.end_time)
    assert listener.told == ["something", own]
    assert [each.documents for each in store.iter_between(VERSION.scope, 0.0, 1e10)] == [trace.documents]
    msgspec.msgpack.encode(trace)


def test_many_are_taken_in_before_anybody_asks() -> None:
    store, listener = TraceStore(clock=ManualClock(), max_bytes=1_000_000, max_age_seconds=60.0), Listener()
    store.listen(listener)
    times = Times(1.0, 2.0)
    for number in range(100):
        run = ServiceRun(trace_id=f"1-6750ae7a-{number:024x}", parent_id=None, segment_id=f"{number:016x}", request_id="r", times=times)
        store.keep_own(VERSION, run)
    assert 2 < len(listener.told) < 100
    assert len(store) == 100
    assert listener.told.count("something") == 2
    assert len(listener.told) == 102


@pytest.mark.parametrize(
    "header",
    [
        "Root=1-6750ae7a-000000000000000000000001;Parent=0000000000000001;Sampled=0;Lineage=1:2:3",
        "Root=1-6750ae7a-000000000000000000000001;Parent=0000000000000001;Sampled=1;Lineage=1:2:3",
        "Root=1-6750ae7a-000000000000000000000001; SAMPLED = 1",
        "Root=1-6750ae7a-000000000000000000000001;Sampled=0;sampled=1",
        "Root=1-6750ae7a-000000000000000000000001;Sampled=1;Sampled=0",
        "Root=1-6750ae7a-000000000000000000000001;Self=Sampled=0;Sampled=1",
        "Root=1-6750ae7a-000000000000000000000001;Sampled=?",
        "Sampled=1",
        "",
    ],
)
def test_the_look_at_a_header_agrees_with_reading_it(header: str) -> None:
    read = read_trace_header(header)
    assert read_sampled(header) == (read if read is not None and read.is_sampled else None)
