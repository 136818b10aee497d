"""Rows of a query: log events with the fields that are discovered in them, and what commands add.

Source of the fields of Lambda's logs and of JSON:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    """One row: of statistics, or made of an event (`EventRow`)."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Value]) -> None:
        self.values = values
        """What commands have added."""

    @property
    def pointer(self) -> str | None:
        """What leads back to the event; None in rows of statistics."""
        return None

    def get(self, name: str) -> Value:
        """None of what is not there."""
        return self.values.get(name)


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What events have in common. `log`: account and group, as in `123456789012:/aws/lambda/hello`; `pointer`: leads to the batch."""

    ingestion_ms: int
    stream: str
    log: str
    pointer: str


class EventRow(Row):
    """A log event. There may be millions, of which a query looks at one field: nothing is made before it is asked for.

    The fields of a message are discovered when one is first asked for that no event has from the beginning.
    """

    __slots__ = ("_has_discovered", "batch", "index", "message", "unix_ms")

    def __init__(self, unix_ms: int, message: str, index: int, batch: EventBatch) -> None:
        self.values = {}
        self.unix_ms = unix_ms
        self.message = message
        self.index = index
        self.batch = batch
        self._has_discovered = False

    @property
    def pointer(self) -> str | None:
        return f"{self.batch.pointer}-{self.index}"

    def get(self, name: str) -> Value:
        values = self.values
        if name in values:
            return values[name]
        own = _OWN.get(name)
        if own is not None:
            return own(self)
        if self._has_discovered:
            return None
        self._has_discovered = True
        for found, value in discovered(self.message).items():
            values.setdefault(found, value)
        return values.get(name)


_OWN: Mapping[str, Callable[[EventRow], Value]] = {
    "@timestamp": lambda row: Instant(row.unix_ms),
    "@message": lambda row: row.message,
    "@logStream": lambda row: row.batch.stream,
    "@log": lambda row: row.batch.log,
    "@ingestionTime": lambda row: Instant(row.batch.ingestion_ms),
}


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
