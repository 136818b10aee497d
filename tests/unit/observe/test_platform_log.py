"""The platform's own lines, as AWS words them."""

import json
from typing import Any

import msgspec

from alonzo.model.invocation import InitializationType
from alonzo.model.invocation_lines import InvocationReport
from alonzo.observe.platform_log import InitReport, JsonPlatformLog, TextPlatformLog

NOW = 1_700_000_000_123
REQUEST = "8f5b1d2a-0000-4000-8000-000000000001"
REPORT = InvocationReport(request_id=REQUEST, duration_ms=1.234, memory_size_mib=128, max_memory_bytes=None, init_duration_ms=None)


def test_text_lines() -> None:
    words = TextPlatformLog()
    assert words.init_start(NOW, "python:3.12.v1", "arn:x") == "INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:x\n"
    assert words.fault(NOW, REQUEST, "Task timed out after 3.00 seconds") == (
        f"2023-11-14T22:13:20.123Z {REQUEST} Task timed out after 3.00 seconds\n\n"
    )
    assert words.fault(NOW, REQUEST, "Runtime exited with error: exit status 1") == (
        f"RequestId: {REQUEST} Error: Runtime exited with error: exit status 1\n"
    )


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
    assert words.fault(NOW, REQUEST, "x") is None


def test_levels_leave_out_what_is_below_them() -> None:
    failed = InitReport(duration_ms=1.0, phase="init", status="error", error_type="x")

    def kinds(level: str) -> list[bool]:
        words = JsonPlatformLog(level, InitializationType.ON_DEMAND)
        lines = [
            words.init_start(NOW, "", ""),
            words.start(NOW, "", ""),
            words.end(NOW, REPORT),
            words.init_report(NOW, failed),
            words.end(NOW, msgspec.structs.replace(REPORT, status="error")),
        ]
        return [line is not None for line in lines]

    assert kinds("DEBUG") == kinds("INFO") == [True] * 5
    assert kinds("WARN") == [False, False, False, True, True]
