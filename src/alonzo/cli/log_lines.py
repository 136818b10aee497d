"""Lines of logs for people: of which level and which invocation they are, and how they look on a terminal. Pure."""

import json
import re
from typing import Any

import click

LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
_ALIASES = {"warning": "warn", "critical": "fatal"}
_COLOURS = {"trace": "bright_black", "debug": "bright_black", "warn": "yellow", "error": "red", "fatal": "bright_red"}
_PLATFORM = re.compile(r"(START|END|REPORT|INIT_START|INIT_REPORT|RESTORE_START|RESTORE_REPORT|EXTENSION|TELEMETRY)[ \t]")
_LEVEL = re.compile(r"(?:^|\t|\[)(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)(?=[\]\t: ]|$)")
_BOUNDARY = re.compile(r"(START|END|REPORT) RequestId: (\S+)")


class LogLines:
    """Chooses events as they come. What an invocation printed itself does not name it: it stands between its START and its REPORT."""

    def __init__(self, *, request_id: str | None, level: str | None) -> None:
        self._request_id = request_id
        self._least = None if level is None else LEVELS.index(level.lower())
        self._current: dict[str, str | None] = {}
        """Which invocation writes to a log stream."""

    def takes(self, stream: str, message: str) -> bool:
        """Whether the next event of a log stream is wanted."""
        belongs = self._request_id is None or self._belongs(stream, message)
        return belongs and self._is_high_enough(message)

    def _belongs(self, stream: str, message: str) -> bool:
        boundary = _boundary_of(message)
        current = self._current.get(stream)
        if boundary is not None:
            kind, current = boundary
            self._current[stream] = None if kind == "REPORT" else current
        return current == self._request_id or (self._request_id or "") in message

    def _is_high_enough(self, message: str) -> bool:
        level = level_of(message)
        return self._least is None or level is None or LEVELS.index(level) >= self._least


def level_of(message: str) -> str | None:
    """Of a JSON message its `level`, else the word that stands where loggers put it."""
    content = _object_of(message)
    if content is not None:
        found = str(content.get("level") or content.get("log_level") or "").lower()
    else:
        match = _LEVEL.search(message[:200])
        found = match[1].lower() if match is not None else ""
    found = _ALIASES.get(found, found)
    return found if found in LEVELS else None


def rendered(time: str, message: str, *, is_coloured: bool) -> str:
    """A line for a terminal, or for a file. What would control the terminal itself is not let through to one."""
    text = message.rstrip()
    if not is_coloured:
        return f"{time} {text}"
    text = "".join(character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}" for character in text)
    if _PLATFORM.match(text) or str((_object_of(text) or {}).get("type")).startswith("platform."):
        return click.style(f"{time} {text}", fg="bright_black")
    colour = _COLOURS.get(level_of(text) or "")
    return f"{click.style(time, fg='cyan')} {text if colour is None else click.style(text, fg=colour)}"


def _boundary_of(message: str) -> tuple[str, str] | None:
    match = _BOUNDARY.match(message)
    if match is not None:
        return match[1], match[2]
    content = _object_of(message)
    kind = {"platform.start": "START", "platform.report": "REPORT"}.get(str((content or {}).get("type")))
    record = (content or {}).get("record")
    if kind is None or not isinstance(record, dict):
        return None
    return kind, str(record.get("requestId"))


def _object_of(message: str) -> dict[str, Any] | None:
    if not message.startswith("{"):
        return None
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
