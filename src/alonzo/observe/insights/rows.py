"""Rows of a query: log events with the fields that are discovered in them, and what commands add.

Source of the fields of Lambda's logs and of JSON:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html.
"""

import re
from typing import Any

import msgspec

from alonzo.observe.insights.values import Instant, Value

_FIELDS_MAX = 200
"""Of a JSON message; AWS discovers as many."""

_BYTES_PER_MB = 1_000_000
_REPORT = re.compile(
    r"REPORT RequestId: (?P<request>\S+)\s+Duration: (?P<duration>[\d.]+) ms\s+Billed Duration: (?P<billed>[\d.]+) ms\s+"
    r"Memory Size: (?P<memory>\d+) MB\s+Max Memory Used: (?P<used>\d+) MB(?:\s+Init Duration: (?P<init>[\d.]+) ms)?"
)
_TYPE = re.compile(r"(START|END|REPORT|INIT_START|EXTENSION) ")
_REQUEST_ID = re.compile(r"(?:RequestId: |\t|^)([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?=\s|$)")
_TRACE_ID = re.compile(r"XRAY TraceId: (\S+)")


class Row:
    """One row. Fields of an event are discovered when one is first asked for that it does not have from the beginning."""

    __slots__ = ("_has_discovered", "pointer", "values")

    def __init__(self, values: dict[str, Value], *, pointer: str | None = None) -> None:
        self.values = values
        self.pointer = pointer
        """What leads back to the event; None in rows of statistics."""
        self._has_discovered = pointer is None

    def get(self, name: str) -> Value:
        """None of what is not there."""
        if name in self.values:
            return self.values[name]
        if self._has_discovered:
            return None
        self._has_discovered = True
        for found, value in discovered(str(self.values.get("@message") or "")).items():
            self.values.setdefault(found, value)
        return self.values.get(name)


def row_of_event(*, unix_ms: int, ingestion_ms: int, message: str, stream: str, log: str, pointer: str) -> Row:
    """`log`: account and group, as in `123456789012:/aws/lambda/hello`."""
    values: dict[str, Value] = {
        "@timestamp": Instant(unix_ms),
        "@message": message,
        "@logStream": stream,
        "@log": log,
        "@ingestionTime": Instant(ingestion_ms),
    }
    return Row(values, pointer=pointer)


def discovered(message: str) -> dict[str, Value]:
    """The fields of a message: of JSON its members, of Lambda's lines what they say."""
    start = message.find("{")
    if start >= 0:
        try:
            content = msgspec.json.decode(message[start:].encode())
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            content = None
        if isinstance(content, dict):
            fields: dict[str, Value] = {}
            _flatten("", content, fields)
            return fields if start == 0 else fields | _lambda_fields(message)
    return _lambda_fields(message)


def _lambda_fields(message: str) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    if (kind := _TYPE.match(message)) is not None:
        fields["@type"] = kind[1]
    if (request := _REQUEST_ID.search(message)) is not None:
        fields["@requestId"] = request[1]
    if fields.get("@type") == "REPORT" and (report := _REPORT.match(message)) is not None:
        fields |= {
            "@duration": float(report["duration"]),
            "@billedDuration": float(report["billed"]),
            "@memorySize": float(report["memory"]) * _BYTES_PER_MB,
            "@maxMemoryUsed": float(report["used"]) * _BYTES_PER_MB,
        }
        if report["init"] is not None:
            fields["@initDuration"] = float(report["init"])
        if (trace := _TRACE_ID.search(message)) is not None:
            fields["@xrayTraceId"] = trace[1]
    return fields


def _flatten(prefix: str, content: Any, into: dict[str, Value]) -> None:
    members = content.items() if isinstance(content, dict) else enumerate(content)
    for name, value in members:
        if len(into) >= _FIELDS_MAX:
            return
        if isinstance(value, dict | list):
            _flatten(f"{prefix}{name}.", value, into)
        else:
            into[f"{prefix}{name}"] = value
