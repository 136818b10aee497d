"""Batches of log entries as they are stored: whatever is written is read as the same events, and what older versions wrote, too."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alonzo.model.invocation_lines import EndLines, InvocationReport, LogEntry, StartLine, events_of
from alonzo.model.log_event import LogEvent
from alonzo.store.log_form import LogForm

TIMES = st.integers(min_value=0, max_value=253_402_300_799_999)  # to the end of the year 9999
TEXT = st.text(st.characters(codec="utf-8"), max_size=50)
DURATIONS = st.floats(min_value=0, max_value=900_000)
REPORTS = st.builds(
    InvocationReport,
    request_id=TEXT,
    duration_ms=DURATIONS,
    memory_size_mib=st.integers(min_value=128, max_value=10_240),
    max_memory_bytes=st.none() | st.integers(min_value=0, max_value=2**40),
    init_duration_ms=st.none() | DURATIONS,
    restore_duration_ms=st.none() | DURATIONS,
    billed_restore_ms=DURATIONS,
    status=st.sampled_from(["success", "error", "timeout"]),
    error_type=st.none() | TEXT,
)
ENTRIES: st.SearchStrategy[list[LogEntry]] = st.lists(
    st.builds(LogEvent, TIMES, TEXT)
    | st.builds(StartLine, TIMES, TEXT, TEXT, st.booleans(), TIMES, st.none() | REPORTS)
    | st.builds(EndLines, TIMES, REPORTS, st.booleans()),
    max_size=30,
)


@given(ENTRIES)
def test_reads_what_was_written(entries: list[LogEntry]) -> None:
    form = LogForm()
    assert list(form.decode(form.encode(entries))) == list(events_of(entries))


@given(ENTRIES, st.integers(min_value=1_000, max_value=5_000))
def test_parts_are_all_of_it_and_none_is_too_large(entries: list[LogEntry], max_bytes: int) -> None:
    form = LogForm()
    parts = list(form.split(entries, max_bytes=max_bytes))
    assert [entry for part in parts for entry in part] == entries
    assert all(len(form.encode(part)) <= max_bytes for part in parts)


def test_reads_what_older_versions_wrote() -> None:
    written = msgspec.msgpack.encode([(1_700_000_000_123, "START"), (1_700_000_000_124, "printed")])
    assert list(LogForm().decode(written)) == [LogEvent(1_700_000_000_123, "START"), LogEvent(1_700_000_000_124, "printed")]
    assert list(LogForm().decode(msgspec.msgpack.encode([(1, "long ago")]))) == [LogEvent(1, "long ago")]
