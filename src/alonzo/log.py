"""The node's own log: standard `logging`, one line a record on standard error, for people or for machines.

Modules log with `logging.getLogger(__name__)` and give fields by `extra={"request_id": …, "function": …}`; both formats show them.
Functions' logs are something else: they go to the log store.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

_LEVEL_COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[1;31m"}
_TALKATIVE = ("aiokafka", "aiormq", "pymongo", "stompman")
"""Clients that log what they raise, too, and every step: it is logged once, by who has asked them."""
_COLOUR_END = "\x1b[0m"


class LogFormat(StrEnum):
    """How a log line looks: text for people, one JSON object for machines."""

    TEXT = "text"
    JSON = "json"


def configure_logging(*, log_format: LogFormat, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send the log of the whole process there, standard error by default, and nowhere else. Called once, by the program's entry.

    Text is coloured when the stream is a terminal. Warnings of the `warnings` module become log lines.
    """
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else ConsoleFormatter(coloured=stream.isatty()))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class ConsoleFormatter(logging.Formatter):
    """`06:12:23.805 WARNING alonzo.store.connection: message  request_id=…`, local time, the traceback below."""

    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured
        self._own_attributes = _own_attributes()

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        fields = "".join(f"  {name}={_one_line(value)}" for name, value in _fields_of(record, self._own_attributes).items())
        line = f"{time} {self._level(record)} {record.name}: {record.getMessage()}{fields}"
        return "\n".join((line, *_traceback_of(self, record)))

    def _level(self, record: logging.LogRecord) -> str:
        name = f"{record.levelname:<7}"
        colour = _LEVEL_COLOURS.get(record.levelno)
        return f"{colour}{name}{_COLOUR_END}" if self._coloured and colour else name


class JsonFormatter(logging.Formatter):
    """`{"time": RFC 3339 in UTC, "level", "logger", "message", …fields, "exception"}`; what JSON does not know is written as `str` does."""

    def __init__(self) -> None:
        super().__init__()
        self._own_attributes = _own_attributes()

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = {name: value for name, value in _fields_of(record, self._own_attributes).items() if name not in line}
        exception = "\n".join(_traceback_of(self, record))
        content = line | fields | ({"exception": exception} if exception else {})
        return json.dumps(content, default=str, ensure_ascii=False, separators=(",", ":"))


def _own_attributes() -> frozenset[str]:
    """What every log record has; the rest came by `extra`."""
    return frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _fields_of(record: logging.LogRecord, own_attributes: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in record.__dict__.items() if name not in own_attributes and value is not None}


def _one_line(value: object) -> str:
    text = str(value)
    return repr(text) if not text.isprintable() or " " in text else text


def _traceback_of(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    parts = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return parts
