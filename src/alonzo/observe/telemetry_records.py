"""What the Telemetry and Logs APIs deliver: records of the platform and of logs, encoded as each version of the schema has them.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html and …/runtimes-logs-api.html#runtimes-logs-api-msg.
"""

from enum import StrEnum
from typing import Any

import msgspec

from alonzo.model.invocation_lines import timestamp


class Category(StrEnum):
    """What an extension can subscribe to."""

    PLATFORM = "platform"
    FUNCTION = "function"
    EXTENSION = "extension"


class Schema(StrEnum):
    """Versions of the records: of the Logs API the first two, of the Telemetry API the others."""

    V2020_08_15 = "2020-08-15"
    V2021_03_18 = "2021-03-18"
    V2022_07_01 = "2022-07-01"
    V2022_12_13 = "2022-12-13"
    V2025_01_29 = "2025-01-29"


class TelemetryRecord(msgspec.Struct, frozen=True):
    """`content`: the fields of a platform record, or the text of a log line. `kind` is what a record says it is: `platform.start`."""

    unix_ms: int
    kind: str
    category: Category
    content: dict[str, Any] | str


class Span(msgspec.Struct, frozen=True, gc=False):
    """Something that took its time within an invocation."""

    name: str
    start_unix_ms: int
    duration_ms: float

    def fields(self) -> dict[str, Any]:
        """As records show it."""
        return {"name": self.name, "start": timestamp(self.start_unix_ms), "durationMs": round(self.duration_ms, 3)}


_LOGS_SCHEMAS = frozenset({Schema.V2020_08_15, Schema.V2021_03_18})
_JSON_SCHEMAS = frozenset({Schema.V2022_12_13, Schema.V2025_01_29})
"""A line of a function that logs in JSON is an object in these (https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html)."""

_LOGS_FIELDS: dict[str, tuple[str, ...]] = {
    "platform.start": ("requestId", "version"),
    "platform.end": ("requestId",),
    "platform.report": ("requestId", "metrics"),
    "platform.runtimeDone": ("requestId", "status"),
    "platform.extension": ("name", "state", "events"),
    "platform.logsSubscription": ("name", "state", "types"),
    "platform.logsDropped": ("reason", "droppedRecords", "droppedBytes"),
}
"""What platform records of the Logs API consist of, and which there are; beside them platform.fault, which is text."""

_ONLY_LOGS = frozenset({"platform.end", "platform.fault", "platform.logsSubscription"})
_LOGS_STATUS = {"error": "failure"}

_encode = msgspec.json.encode


def encode_record(record: TelemetryRecord, schema: Schema, *, is_json: bool) -> bytes | None:
    """A record as JSON; None if the schema has none of its kind. `is_json`: functions log in JSON."""
    content = record.content
    if schema in _LOGS_SCHEMAS:
        if isinstance(content, dict):
            if record.kind not in _LOGS_FIELDS or (record.kind == "platform.runtimeDone" and schema is Schema.V2020_08_15):
                return None
            content = {name: content[name] for name in _LOGS_FIELDS[record.kind] if name in content}
            if "status" in content:
                content["status"] = _LOGS_STATUS.get(content["status"], content["status"])
    elif record.kind in _ONLY_LOGS:
        return None
    encoded = _embed(content) if is_json and schema in _JSON_SCHEMAS and record.category is Category.FUNCTION else None
    return _encode({"time": timestamp(record.unix_ms), "type": record.kind, "record": content if encoded is None else encoded})


def _embed(line: dict[str, Any] | str) -> msgspec.Raw | dict[str, Any] | None:
    """A line that is a JSON object, to be written as that."""
    if not isinstance(line, str) or not line.startswith("{"):
        return None
    text = line.strip()
    try:
        if "\n" in text:  # where a record is a line, none may be within it
            return msgspec.json.decode(text, type=dict[str, Any])
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return None
    return msgspec.Raw(text.encode())
