"""What the platform says of an invocation, as AWS words it."""

import json
from typing import Any

import pytest

from alonzo.model.invocation_lines import EndLines, InvocationReport, StartLine, events_of
from alonzo.model.log_event import LogEvent

NOW = 1_700_000_000_123
REQUEST = "8f5b1d2a-0000-4000-8000-000000000001"


def a_report(**changes: Any) -> InvocationReport:
    fields: dict[str, Any] = {
        "request_id": REQUEST,
        "duration_ms": 1.234,
        "memory_size_mib": 128,
        "max_memory_bytes": 35 * 1_048_576 - 5,
        "init_duration_ms": None,
    }
    return InvocationReport(**(fields | changes))


def report_line(report: InvocationReport) -> str:
    end, line = EndLines(NOW, report).events()
    assert end == LogEvent(NOW, f"END RequestId: {REQUEST}\n")
    assert line.unix_ms == NOW
    return line.message


def json_record(lines: StartLine | EndLines) -> dict[str, Any]:
    (event,) = lines.events()
    assert event.message.endswith("\n")
    decoded: dict[str, Any] = json.loads(event.message)
    assert (event.unix_ms, decoded["time"]) == (NOW, "2023-11-14T22:13:20.123Z")
    return decoded


BILLED = [(0.0, None, 0), (0.01, None, 1), (1.0, None, 1), (1.01, None, 2), (1.5, 98.5, 100), (1.5, 98.51, 101)]


@pytest.mark.parametrize(("duration_ms", "init_ms", "billed_ms"), BILLED)
def test_time_is_billed_by_the_millisecond_and_init_with_it(duration_ms: float, init_ms: float | None, billed_ms: int) -> None:
    assert a_report(duration_ms=duration_ms, init_duration_ms=init_ms).billed_ms == billed_ms


@pytest.mark.parametrize(("used_bytes", "used_mib"), [(None, None), (0, 0), (1, 1), (1_048_576, 1), (1_048_577, 2), (200 << 20, 128)])
def test_memory_is_rounded_up_and_never_above_the_limit(used_bytes: int | None, used_mib: int | None) -> None:
    assert a_report(max_memory_bytes=used_bytes).max_memory_mib == used_mib


def test_text() -> None:
    assert StartLine(NOW, REQUEST, "$LATEST").events() == [LogEvent(NOW, f"START RequestId: {REQUEST} Version: $LATEST\n")]
    start = f"REPORT RequestId: {REQUEST}\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
    assert report_line(a_report()) == start + "Max Memory Used: 35 MB\t\n"
    assert report_line(a_report(max_memory_bytes=None)) == start + "\n"
    cold = report_line(a_report(init_duration_ms=100.0))
    assert "Billed Duration: 102 ms\t" in cold
    assert cold.endswith("Max Memory Used: 35 MB\tInit Duration: 100.00 ms\t\n")
    failed = report_line(a_report(status="error", error_type="Runtime.ExitError"))
    assert failed.endswith("Max Memory Used: 35 MB\tStatus: error\tError Type: Runtime.ExitError\t\n")
    assert report_line(a_report(status="timeout")).endswith("\tStatus: timeout\t\n")


def test_json() -> None:
    assert json_record(StartLine(NOW, REQUEST, "3", is_json=True)) == {
        "time": "2023-11-14T22:13:20.123Z",
        "type": "platform.start",
        "record": {"requestId": REQUEST, "version": "3"},
    }
    report = json_record(EndLines(NOW, a_report(init_duration_ms=2.0), is_json=True))
    assert report["type"] == "platform.report"
    assert report["record"] == {
        "requestId": REQUEST,
        "metrics": {"durationMs": 1.234, "billedDurationMs": 4, "memorySizeMB": 128, "maxMemoryUsedMB": 35, "initDurationMs": 2.0},
        "status": "success",
    }
    failed = json_record(EndLines(NOW, a_report(status="error", error_type="Unhandled", max_memory_bytes=None), is_json=True))["record"]
    assert (failed["status"], failed["errorType"]) == ("error", "Unhandled")
    assert "maxMemoryUsedMB" not in failed["metrics"]


@pytest.mark.parametrize("is_json", [False, True])
def test_start_and_end_together_are_read_as_they_are_alone(*, is_json: bool) -> None:
    alone = (StartLine(NOW, REQUEST, "1", is_json), EndLines(NOW + 5, a_report(), is_json))
    together = StartLine(NOW, REQUEST, "1", is_json, ended_unix_ms=NOW + 5, report=a_report())
    assert together.events() == events_of(alone)
    assert together.line_count == len(together.events()) == sum(each.line_count for each in alone)


def test_entries_are_read_in_their_order() -> None:
    printed = LogEvent(NOW, "printed")
    entries = (StartLine(NOW, REQUEST, "1"), printed, EndLines(NOW, a_report()))
    events = events_of(entries)
    assert [event.message.split(" ")[0] for event in events] == ["START", "printed", "END", "REPORT"]
    assert [entry if isinstance(entry, LogEvent) else entry.line_count for entry in entries] == [1, printed, 2]
    assert [len(entry.events()) for entry in entries if not isinstance(entry, LogEvent)] == [1, 2]
