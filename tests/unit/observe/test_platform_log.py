"""The platform's own lines, as AWS words them."""

import json
from typing import Any

import pytest

from alonzo.model.invocation import InitializationType
from alonzo.observe.platform_log import InitReport, InvocationReport, JsonPlatformLog, TextPlatformLog

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


BILLED = [(0.0, None, 0), (0.01, None, 1), (1.0, None, 1), (1.01, None, 2), (1.5, 98.5, 100), (1.5, 98.51, 101)]


@pytest.mark.parametrize(("duration_ms", "init_ms", "billed_ms"), BILLED)
def test_time_is_billed_by_the_millisecond_and_init_with_it(duration_ms: float, init_ms: float | None, billed_ms: int) -> None:
    assert a_report(duration_ms=duration_ms, init_duration_ms=init_ms).billed_ms == billed_ms


@pytest.mark.parametrize(("used_bytes", "used_mib"), [(None, None), (0, 0), (1, 1), (1_048_576, 1), (1_048_577, 2), (200 << 20, 128)])
def test_memory_is_rounded_up_and_never_above_the_limit(used_bytes: int | None, used_mib: int | None) -> None:
    assert a_report(max_memory_bytes=used_bytes).max_memory_mib == used_mib


def test_text_lines() -> None:
    words = TextPlatformLog()
    assert words.init_start(NOW, "python:3.12.v1", "arn:x") == "INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:x\n"
    assert words.start(NOW, REQUEST, "$LATEST") == f"START RequestId: {REQUEST} Version: $LATEST\n"
    assert words.end(REQUEST) == f"END RequestId: {REQUEST}\n"
    assert words.fault(NOW, REQUEST, "Task timed out after 3.00 seconds") == (
        f"2023-11-14T22:13:20.123Z {REQUEST} Task timed out after 3.00 seconds\n\n"
    )
    assert words.fault(NOW, REQUEST, "Runtime exited with error: exit status 1") == (
        f"RequestId: {REQUEST} Error: Runtime exited with error: exit status 1\n"
    )


def test_text_reports() -> None:
    words = TextPlatformLog()
    start = f"REPORT RequestId: {REQUEST}\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
    assert words.report(NOW, a_report()) == start + "Max Memory Used: 35 MB\t\n"
    assert words.report(NOW, a_report(max_memory_bytes=None)) == start + "\n"
    cold = words.report(NOW, a_report(init_duration_ms=100.0))
    assert "Billed Duration: 102 ms\t" in cold
    assert cold.endswith("Max Memory Used: 35 MB\tInit Duration: 100.00 ms\t\n")
    failed = words.report(NOW, a_report(status="error", error_type="Runtime.ExitError"))
    assert failed.endswith("Max Memory Used: 35 MB\tStatus: error\tError Type: Runtime.ExitError\t\n")
    assert words.report(NOW, a_report(status="timeout")).endswith("\tStatus: timeout\t\n")


def test_text_reports_of_init() -> None:
    failed = InitReport(duration_ms=12.0, phase="init", status="error", error_type="Runtime.ImportModuleError")
    assert TextPlatformLog().init_report(NOW, failed) == (
        "INIT_REPORT Init Duration: 12.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError\n"
    )
    slow = InitReport(duration_ms=10_000.0, phase="init", status="timeout", error_type=None)
    assert TextPlatformLog().init_report(NOW, slow) == "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n"


def record(line: str | None) -> dict[str, Any]:
    assert line is not None
    assert line.endswith("\n")
    decoded: dict[str, Any] = json.loads(line)
    return decoded


def test_json_records() -> None:
    words = JsonPlatformLog("DEBUG", InitializationType.ON_DEMAND)
    assert record(words.init_start(NOW, "python:3.12.v1", "arn:x")) == {
        "time": "2023-11-14T22:13:20.123Z",
        "type": "platform.initStart",
        "record": {"initializationType": "on-demand", "phase": "init", "runtimeVersion": "python:3.12.v1", "runtimeVersionArn": "arn:x"},
    }
    assert record(words.start(NOW, REQUEST, "3"))["record"] == {"requestId": REQUEST, "version": "3"}
    assert words.end(REQUEST) is None
    assert words.fault(NOW, REQUEST, "x") is None
    assert record(words.report(NOW, a_report(init_duration_ms=2.0)))["record"] == {
        "requestId": REQUEST,
        "metrics": {"durationMs": 1.234, "billedDurationMs": 4, "memorySizeMB": 128, "maxMemoryUsedMB": 35, "initDurationMs": 2.0},
        "status": "success",
    }
    failed = record(words.report(NOW, a_report(status="error", error_type="Unhandled", max_memory_bytes=None)))["record"]
    assert (failed["status"], failed["errorType"]) == ("error", "Unhandled")
    assert "maxMemoryUsedMB" not in failed["metrics"]


def test_levels_leave_out_what_is_below_them() -> None:
    failed = InitReport(duration_ms=1.0, phase="init", status="error", error_type="x")

    def kinds(level: str) -> list[bool]:
        words = JsonPlatformLog(level, InitializationType.ON_DEMAND)
        lines = [
            words.init_start(NOW, "", ""),
            words.start(NOW, "", ""),
            words.report(NOW, a_report()),
            words.init_report(NOW, failed),
            words.report(NOW, a_report(status="error")),
        ]
        return [line is not None for line in lines]

    assert kinds("DEBUG") == kinds("INFO") == [True] * 5
    assert kinds("WARN") == [False, False, False, True, True]
