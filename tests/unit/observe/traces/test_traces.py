"""Segments checked, kept, put together, filtered, drawn as a map, and told as spans."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from alonzo.clock import ManualClock
from alonzo.model.scope import Scope
from alonzo.observe.traces.documents import DEPTH_MAX, DOCUMENT_MAX_BYTES, SegmentRefused, read_segment
from alonzo.observe.traces.facts import TraceFacts
from alonzo.observe.traces.filter_expressions import FilterInvalid, parse_filter
from alonzo.observe.traces.sampling import Sampler
from alonzo.observe.traces.service_graph import build_service_graph
from alonzo.observe.traces.spans import SpanExporter
from alonzo.observe.traces.store import TRACE_MAX_BYTES, StoredTrace, TraceStore
from alonzo.observe.traces.trees import assemble, iter_parts

SCOPE = Scope("000000000000", "us-east-1")
OTHER_SCOPE = Scope("111111111111", "us-east-1")
NUMBERS = st.floats(0, 1e10) | st.integers(-5, 5) | st.just(1e300)
MEMBERS = st.sampled_from(
    ["id", "name", "start_time", "end_time", "cause", "http", "request", "exceptions", "annotations", "subsegments", "aws", "status"]
)
CONTENTS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=12,
)


def trace_id(number: int) -> str:
    return f"1-6750ae7a-{number:024x}"


def document(number: int, *, trace: int = 1, **members: Any) -> bytes:
    said = {"id": f"{number:016x}", "trace_id": trace_id(trace), "name": f"n{number}", "start_time": 1.0 + number, "end_time": 2.0 + number}
    return json.dumps(said | members).encode()


def child(number: int, parent: int, **members: Any) -> bytes:
    return document(number, parent_id=f"{parent:016x}", type="subsegment", **members)


def a_store(max_bytes: int = 1_000_000) -> tuple[TraceStore, ManualClock]:
    clock = ManualClock()
    return TraceStore(clock=clock, max_bytes=max_bytes, max_age_seconds=60.0), clock


def facts_of(*documents: bytes) -> TraceFacts:
    store, _ = a_store()
    for each in documents:
        store.put(SCOPE, each)
    return TraceFacts(store.find(SCOPE, [trace_id(1)])[0])


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "ParseError"),
        (b"[" * 100_0, "ParseError"),
        (b"\xff{}", "ParseError"),
        (b'{"id": 1}', "ParseError"),
        (document(1, id="x"), "InvalidId"),
        (document(1, trace_id="x"), "InvalidTraceId"),
        (document(1, name=""), "InvalidName"),
        (document(1, end_time=None), "MissingEndTime"),
        (document(1, start_time=1e300), "InvalidTime"),
        (document(1, type="subsegment"), "MissingParentId"),
        (document(1, subsegments=[{"id": "1", "name": "x", "start_time": -1.0}]), "InvalidTime"),
        (document(1, metadata={"x": "y" * DOCUMENT_MAX_BYTES}), "SizeLimitExceeded"),
    ],
)
def test_what_is_no_segment_is_refused(sent: bytes, code: str) -> None:
    with pytest.raises(SegmentRefused) as caught:
        read_segment(sent)
    assert caught.value.code == code


def test_segments_that_are_nested_without_end_are_refused() -> None:
    nested: dict[str, Any] = {"id": "x", "name": "x", "start_time": 1.0}
    for _ in range(DEPTH_MAX):
        nested = {"id": "x", "name": "x", "start_time": 1.0, "subsegments": [nested]}
    with pytest.raises(SegmentRefused):
        read_segment(document(1, subsegments=[nested]))


@given(CONTENTS)
def test_whatever_is_taken_can_be_looked_at(content: Any) -> None:
    members = content if isinstance(content, dict) else {"metadata": {"x": content}}
    sent = document(1, **{name: value for name, value in members.items() if name not in {"id", "name"}})
    store, _ = a_store()
    try:
        segment = store.put(SCOPE, sent)
    except SegmentRefused:
        return
    facts = TraceFacts(store.find(SCOPE, [trace_id(1)])[0])
    assert facts.services
    assert build_service_graph([facts])
    parse_filter('http.url CONTAINS "x" OR duration > 1 OR annotation.x = 1')(facts)
    msgspec.json.encode(facts.segments)
    SpanExporter(version="1").export_request([(SCOPE, segment)])


def test_subsegments_that_were_sent_alone_go_where_they_belong() -> None:
    inner = {"id": f"{2:016x}", "name": "Invocation", "start_time": 2.0, "end_time": 9.0}
    trees = assemble([child(4, 3), child(3, 2), document(1, subsegments=[inner]), child(9, 8)])
    assert [tree["name"] for tree in trees] == ["n1", "n9"]
    assert [part["name"] for part in iter_parts(trees[0])] == ["n1", "Invocation", "n3", "n4"]


def test_subsegments_in_a_circle_are_seen() -> None:
    trees = assemble([child(1, 2), child(2, 1), child(3, 3)])
    assert sorted(part["name"] for tree in trees for part in iter_parts(tree)) == ["n1", "n2", "n3"]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=40))
def test_nothing_is_lost_and_nothing_shown_twice(edges: list[tuple[int, int]]) -> None:
    sent = {number: child(number, parent) for number, parent in edges}
    shown = [part["id"] for tree in assemble(sent.values()) for part in iter_parts(tree)]
    assert sorted(shown) == sorted(f"{number:016x}" for number in sent)


def test_a_long_chain_is_cut_where_no_program_goes() -> None:
    trees = assemble([document(0), *(child(number, number - 1) for number in range(1, 1_000))])
    assert sum(1 for tree in trees for _ in iter_parts(tree)) == 1_000
    msgspec.json.encode(trees)


def test_a_later_document_replaces_the_one_of_its_id() -> None:
    store, _ = a_store()
    store.put(SCOPE, document(1, end_time=None, in_progress=True))
    assert TraceFacts(store.find(SCOPE, [trace_id(1)])[0]).is_partial
    store.put(SCOPE, document(1))
    facts = TraceFacts(store.find(SCOPE, [trace_id(1)])[0])
    assert (facts.is_partial, len(facts.segments), facts.revision) == (False, 1, 2)


def test_traces_of_others_are_not_seen() -> None:
    store, _ = a_store()
    store.put(SCOPE, document(1))
    assert store.find(OTHER_SCOPE, [trace_id(1)]) == []
    assert list(store.iter_between(OTHER_SCOPE, 0, 100)) == []


def test_the_oldest_go_when_there_are_too_many_or_when_they_are_old() -> None:
    store, clock = a_store(max_bytes=20_000)
    for number in range(100):
        store.put(SCOPE, document(1, trace=number))
        clock.advance(1.0)
    assert store.find(SCOPE, [trace_id(0)]) == []
    assert 10 < len(store) < 30
    assert next(each.id for each in store.iter_between(SCOPE, 0, 100)) == trace_id(99)
    clock.advance(58.5)
    assert [each.id for each in store.iter_between(SCOPE, 0, 100)] == [trace_id(99)]


def test_one_trace_takes_no_more_than_its_share() -> None:
    store, _ = a_store(max_bytes=10 * TRACE_MAX_BYTES)
    taken_count = 0
    with contextlib.suppress(SegmentRefused):
        while True:
            store.put(SCOPE, child(taken_count, 1))
            taken_count += 1
    assert taken_count > 500
    assert store.find(SCOPE, [trace_id(1)])[0].byte_count <= TRACE_MAX_BYTES
    assert store.dropped_count == 1


def test_parts_at_two_workers_are_one_trace() -> None:
    one, two = (StoredTrace(id="x", start_seconds=start, end_seconds=start + 1, documents={str(start): b"{}"}) for start in (1.0, 2.0))
    merged = one.merge(two)
    assert (merged.start_seconds, merged.end_seconds, set(merged.documents)) == (1.0, 3.0, {"1.0", "2.0"})


EXAMPLE = (
    document(1, name="front", origin="AWS::Lambda", http={"response": {"status": 200}}, end_time=5.0),
    document(2, name="front", origin="AWS::Lambda::Function", parent_id=f"{1:016x}", fault=True, user="ada",
             annotations={"order": 7, "kind": "big", "is_new": True},
             subsegments=[{"id": "a" * 16, "name": "DynamoDB", "namespace": "aws", "start_time": 3.2, "end_time": 3.4}]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", True),
        ("fault", True),
        ("fault = true AND !error", True),
        ("ok", False),
        ("NOT fault", False),
        ("responsetime > 2.5", True),
        ("responsetime > 3.5 OR duration < 0.1", False),
        ("http.status = 200", True),
        ("http.status != 200", False),
        ('user BEGINSWITH "a"', True),
        ("annotation.order = 7", True),
        ('annotation[kind] CONTAINS "i"', True),
        ("annotation.is_new = true", True),
        ("annotation.order > 7", False),
        ("annotation.nothing", False),
        ('service("front")', True),
        ('service("back")', False),
        ('service(id(name: "front", type: "AWS::Lambda")) { fault }', False),
        ('service(id(name: "front", type: "AWS::Lambda::Function")) { fault }', True),
        ('(error OR throttle) AND service("front")', False),
    ],
)
def test_filter_expressions(expression: str, expected: bool) -> None:
    assert parse_filter(expression)(facts_of(*EXAMPLE)) is expected


@pytest.mark.parametrize(
    "expression", ["edge(a, b)", "fault AND", "(fault", "http.status >", 'user > "a"', "rootcause.fault", "§", "(" * 100, "x" * 3_000]
)
def test_filter_expressions_that_are_not_understood(expression: str) -> None:
    with pytest.raises(FilterInvalid):
        parse_filter(expression)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_expression_or_refused(text: str) -> None:
    try:
        wanted = parse_filter(text)
    except FilterInvalid:
        return
    assert wanted(facts_of(*EXAMPLE)) in {True, False}


def test_the_map_shows_who_calls_whom() -> None:
    service, function, table = build_service_graph([facts_of(*EXAMPLE)])
    assert (service.is_root, service.service.type, list(service.edges)) == (True, "AWS::Lambda", [function.reference])
    assert (function.statistics.fault_count, list(function.edges)) == (1, [table.reference])
    assert (table.service.type, table.service.is_inferred, table.statistics.total_count) == ("AWS::DynamoDB", True, 1)


def test_the_first_of_a_second_is_sampled_and_a_twentieth_of_the_others() -> None:
    clock, numbers = ManualClock(), iter([0.9, 0.04, 0.06])
    sampler = Sampler(clock=clock, random=lambda: next(numbers))
    assert [sampler.decide("a"), sampler.decide("b"), sampler.decide("a"), sampler.decide("a"), sampler.decide("a")] == [
        True, True, False, True, False,
    ]  # fmt: skip
    clock.advance(1.0)
    assert sampler.decide("a")


def test_spans() -> None:
    body, count = SpanExporter(version="1").export_request([(SCOPE, read_segment(each)) for each in EXAMPLE])
    spans = [span for each in ExportTraceServiceRequest.FromString(body).resource_spans for span in each.scope_spans[0].spans]
    assert count == len(spans) == 3
    service, function, call = spans
    assert service.trace_id.hex() == trace_id(1)[2:].replace("-", "")
    assert function.parent_span_id == service.span_id
    assert (call.parent_span_id, call.kind) == (function.span_id, Span.SPAN_KIND_CLIENT)
    assert (call.start_time_unix_nano, call.end_time_unix_nano) == (3_200_000_000, 3_400_000_000)
    assert (service.status.code, function.status.code) == (0, 2)
