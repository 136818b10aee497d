"""Spans of what Lambda says of invocations, as they are on the wire.

Those of one function differ in ids and times only, whose lengths are always the same: one is written by protobuf, field by field, and is
the mould of all others of its form.
"""

import re
from collections.abc import Callable, Hashable
from typing import NamedTuple

from alonzo.model.function import FunctionVersion
from alonzo.observe.traces.lambda_segments import FunctionRun, OwnSegment, Run, ServiceRun, Times

_VERSIONS_MAX = 1_000
_FORMS_MAX = 20
_ERRORS = 400

Make = Callable[[OwnSegment], tuple[bytes, int]]
"""Writes the spans of a segment, one after the other as a `ScopeSpans` has them, and counts them."""


class Spans(NamedTuple):
    """Part of a `ScopeSpans`."""

    content: bytes
    span_count: int


class _Mould(NamedTuple):
    """`template`: bytes with `%b` for what differs; `order`: which of the values each is."""

    template: bytes
    order: tuple[int, ...]
    span_count: int


class SpanMoulds:
    """One an exporter."""

    def __init__(self, *, make: Make) -> None:
        self._make = make
        self._of_versions: dict[int, VersionMoulds] = {}

    def of(self, version: FunctionVersion) -> "VersionMoulds":
        """Those of one version: found by its identity, since its name would have to be put together for each segment."""
        moulds = self._of_versions.get(id(version))
        if moulds is None:
            if len(self._of_versions) >= _VERSIONS_MAX:
                self._of_versions.clear()
            moulds = self._of_versions[id(version)] = VersionMoulds(version, self._make)
        return moulds


class VersionMoulds:
    """Made by `SpanMoulds`, and equal to itself alone. Keeps the version, so that no other gets its identity."""

    def __init__(self, version: FunctionVersion, make: Make) -> None:
        self.version = version
        self._make = make
        self._moulds: dict[Hashable, _Mould] = {}

    def find(self, run: Run) -> Spans | None:
        """The spans of a segment; None if it is of no form that comes again and again: of a failure."""
        form = _form(run)
        if form is None:
            return None
        mould = self._moulds.get(form)
        if mould is None:
            if len(self._moulds) >= _FORMS_MAX:
                self._moulds.clear()
            mould = self._moulds[form] = self._new(run)
        values = _values(run)
        return Spans(mould.template % tuple([values[index] for index in mould.order]), mould.span_count)

    def _new(self, run: Run) -> _Mould:
        example = OwnSegment(self.version, _example(run))
        content, count = self._make(example)
        values = _values(example.run)
        numbers = {value: number for number, value in enumerate(values)}
        template, order, end = b"", [], 0
        for found in re.finditer(b"|".join(map(re.escape, numbers)), content):
            template += content[end : found.start()].replace(b"%", b"%%") + b"%b"
            order.append(numbers[found[0]])
            end = found.end()
        return _Mould(template + content[end:].replace(b"%", b"%%"), tuple(order), count)


def nanoseconds(seconds: float) -> int:
    """An instant as OTLP has it."""
    return int(seconds * 1_000_000_000)


def _form(run: Run) -> Hashable | None:
    """What is alike of all segments of a version that one mould is for."""
    if isinstance(run, ServiceRun):
        return (run.parent_id is None, len(run.request_id.encode()), run.status) if run.status < _ERRORS else None
    if run.error is not None or (run.initialization is not None and run.restore is not None):
        return None
    return run.parent_id is None, len(run.request_id.encode()), run.initialization is None, run.restore is None


def _example(run: Run) -> Run:
    """One whose values differ all from each other and from what else may be in a span."""
    ids = [f"{0xF1E2D3C4B5A69780 ^ number * 0x0101010101010101:016x}" for number in range(1, 9)]
    trace_id, parent_id = f"1-{ids[0][:8]}-{ids[0][8:]}{ids[1]}", None if run.parent_id is None else ids[2]
    length = len(run.request_id.encode())
    request_id = ("\x7f\x1e" * length)[:length]
    at = [1_234_567_890.123 + 98.765 * number for number in range(5)]
    if isinstance(run, ServiceRun):
        return ServiceRun(
            trace_id=trace_id, parent_id=parent_id, segment_id=ids[3], request_id=request_id, times=Times(at[0], at[1]), status=run.status
        )
    return FunctionRun(
        trace_id=trace_id,
        parent_id=parent_id,
        segment_id=ids[3],
        invocation_id=ids[4],
        part_ids="".join(ids[5:8]),
        request_id=request_id,
        invocation=Times(at[2], at[3]),
        ended_at=at[4],
        initialization=None if run.initialization is None else Times(at[0], at[1]),
        restore=None if run.restore is None else Times(at[0], at[1]),
    )


def _values(run: Run) -> list[bytes]:
    """What differs: ids, times as fixed64, the request."""
    of_hex = bytes.fromhex
    values = [of_hex(run.trace_id[2:].replace("-", "")), of_hex(run.segment_id), run.request_id.encode()]
    if run.parent_id is not None:
        values.append(of_hex(run.parent_id))
    instants = [*run.times]
    if isinstance(run, FunctionRun):
        values += (of_hex(run.invocation_id), of_hex(run.part_id(0)), of_hex(run.part_id(1)))
        instants.append(run.invocation.end)
        for times in (run.initialization, run.restore):
            if times is not None:
                instants += times
    return values + [nanoseconds(at).to_bytes(8, "little") for at in instants]
