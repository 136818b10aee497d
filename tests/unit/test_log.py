"""Log lines for people and for machines."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest

from alonzo.log import ConsoleFormatter, JsonFormatter, LogFormat, configure_logging


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def a_record(message: str, *, level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    return logging.getLogger("alonzo.test").makeRecord("alonzo.test", level, "file.py", 1, message, (), None, extra=fields)


def test_json_lines_carry_fields() -> None:
    line = json.loads(JsonFormatter().format(a_record("invoked", request_id="r-1", duration_ms=1.5, path=io.StringIO)))
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "alonzo.test", "invoked")
    assert (line["request_id"], line["duration_ms"]) == ("r-1", 1.5)
    assert datetime.fromisoformat(line["time"]).utcoffset() is not None


def test_a_json_record_is_one_line_with_its_traceback() -> None:
    record = a_record("two\nlines")
    record.exc_info = (LookupError, LookupError("gone"), None)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert "LookupError: gone" in json.loads(text)["exception"]


def test_fields_cannot_replace_what_a_line_is_made_of() -> None:
    assert json.loads(JsonFormatter().format(a_record("real", level=logging.ERROR, time="never")))["time"] != "never"


def test_console_lines_show_fields_after_the_message() -> None:
    line = ConsoleFormatter(coloured=False).format(a_record("invoked", request_id="r-1", why="a b"))
    assert line.endswith("INFO    alonzo.test: invoked  request_id=r-1  why='a b'")


def test_only_a_terminal_gets_colours() -> None:
    record = a_record("careful", level=logging.WARNING)
    assert "\x1b[" in ConsoleFormatter(coloured=True).format(record)
    assert "\x1b[" not in ConsoleFormatter(coloured=False).format(record)


@pytest.mark.parametrize("log_format", LogFormat)
def test_configuring_sends_everything_to_one_stream(log_format: LogFormat) -> None:
    stream = io.StringIO()
    configure_logging(log_format=log_format, stream=stream)
    logging.getLogger("alonzo.some.part").info("hello %s", "world", extra={"request_id": "r-2"})
    logging.getLogger("alonzo.some.part").debug("not this")
    assert stream.getvalue().count("\n") == 1
    assert "hello world" in stream.getvalue()
    assert "r-2" in stream.getvalue()
