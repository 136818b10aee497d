"""What comes out of a log pipe is taken apart alike, however it is cut into pieces."""

import io
import os
from collections.abc import Iterator

import pytest
from awslambdaric.bootstrap import FramedTelemetryLogSink
from hypothesis import given
from hypothesis import strategies as st

from alonzo.model.log_event import LogEvent
from alonzo.observe.framing import LogPipeParser

READ_AT = 2_000_000_000_000
EVENT_MAX = 262_144


def frame(message: str, *, microseconds: int = 1_000_000) -> bytes:
    body = message.encode()
    return b"\xa5\x5a\x00\x03" + len(body).to_bytes(4, "big") + microseconds.to_bytes(8, "big") + body


def parse(data: bytes, sizes: list[int] | None = None) -> list[LogEvent]:
    """All events of `data`, fed in pieces of these sizes and then the rest."""
    parser = LogPipeParser()
    events = []
    for piece in cut(data, sizes or []):
        events += parser.feed(piece, READ_AT)
    return events + parser.flush(READ_AT)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    stream = io.BytesIO(data)
    for size in sizes:
        yield stream.read(size)
    yield stream.read()


lines = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=40).map(lambda text: text + "\n")
messages = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
parts = st.lists(st.tuples(st.just("line"), lines) | st.tuples(st.just("frame"), messages), max_size=20)


@given(parts=parts, sizes=st.lists(st.integers(1, 30), max_size=60))
def test_lines_and_frames_come_out_whole_and_in_order(parts: list[tuple[str, str]], sizes: list[int]) -> None:
    data = b"".join(text.encode() if kind == "line" else frame(text) for kind, text in parts)
    assert parse(data, sizes) == [LogEvent(READ_AT if kind == "line" else 1_000, text) for kind, text in parts]


@given(
    data=st.binary(max_size=400) | st.lists(st.sampled_from([b"\xa5", b"\x5a", b"\x00", b"\n", b"x"])).map(b"".join),
    sizes=st.lists(st.integers(1, 9)),
)
def test_any_bytes_come_out_alike_however_they_are_cut(data: bytes, sizes: list[int]) -> None:
    assert [event.message for event in parse(data, sizes)] == [event.message for event in parse(data)]


@given(data=st.binary(max_size=400).filter(lambda data: b"\xa5\x5a\x00" not in data))
def test_nothing_of_plain_output_is_lost(data: bytes) -> None:
    lines = data.splitlines(keepends=True) if b"\r" not in data else [line + b"\n" for line in data.split(b"\n")]
    assert "".join(event.message for event in parse(data)).count("\n") == data.count(b"\n")
    assert len("".join(event.message for event in parse(data)).encode()) >= len(data) - len(lines)


def test_it_reads_what_the_runtime_client_writes() -> None:
    read, write = os.pipe()
    with FramedTelemetryLogSink(write) as sink:
        sink.log("one\nmessage of two lines\n")
        sink.log_error(["[ERROR] x", "☔"])
    with os.fdopen(read, "rb") as pipe:
        events = parse(pipe.read())
    assert [event.message for event in events] == ["one\nmessage of two lines\n", "[ERROR] x\n☔"]


def test_a_line_that_is_not_over_waits() -> None:
    parser = LogPipeParser()
    assert parser.feed(b"half ", 1) == []
    assert parser.feed(b"a line\nand", 2) == [LogEvent(2, "half a line\n")]
    assert parser.flush(3) == [LogEvent(3, "and")]
    assert parser.flush(4) == []


def test_a_frame_ends_a_line_that_is_not_over() -> None:
    assert [event.message for event in parse(b"half a line" + frame("logged") + b"rest\n")] == ["half a line", "logged", "rest\n"]


def test_a_line_longer_than_an_event_is_cut() -> None:
    events = parse(b"x" * (2 * EVENT_MAX + 5) + b"\ny\n", [70_000] * 10)
    assert [len(event.message) for event in events] == [EVENT_MAX, EVENT_MAX, 6, 2]


def test_a_frame_longer_than_an_event_loses_nothing() -> None:
    events = parse(frame("x" * (2 * EVENT_MAX)) + b"after\n", [70_000] * 10)
    assert sum(event.message.count("x") for event in events) == 2 * EVENT_MAX
    assert all(len(event.message.encode()) <= EVENT_MAX for event in events)
    assert events[-1].message.endswith("after\n")


def test_a_frame_that_promises_more_than_it_holds_does_not_swallow_the_log() -> None:
    data = b"\xa5\x5a\x00\x03" + (0xFFFFFFFF).to_bytes(4, "big") + bytes(8) + b"line\n" * 100_000
    assert sum(event.message.count("line\n") for event in parse(data, [4096] * 200)) >= 100_000 - 2


@pytest.mark.parametrize("microseconds", [2**64 - 1, (READ_AT + 1) * 1_000])
def test_a_frame_cannot_come_from_the_future(microseconds: int) -> None:
    assert parse(frame("later", microseconds=microseconds)) == [LogEvent(READ_AT, "later")]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert parse(b"\xff\xfe \xa5 \xe2\x98\n") == [LogEvent(READ_AT, "\ufffd\ufffd \ufffd \ufffd\n")]
