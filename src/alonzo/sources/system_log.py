"""System logs of mappings: what their pollers do and what goes wrong, in the log group of the function, in a stream of the mapping's own.

Source: https://docs.aws.amazon.com/lambda/latest/dg/esm-logging.html, which says which levels there are and what the stream is called. The
members of an event are ours.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from alonzo.clock import Clock
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.model.log_event import LogEvent
from alonzo.observe.log_delivery import LogOutlet, LogStreamName
from alonzo.sources.failures import timestamp

DEBUG, INFO, WARN = "DEBUG", "INFO", "WARN"
_LEVELS = (DEBUG, INFO, WARN)
"""From the most detail to the least."""


class SystemLog:
    """Of one mapping; says nothing of one without a `LoggingConfig`.

    `log_group`: the function's at the moment, None if there is no function.
    """

    def __init__(
        self,
        *,
        mapping: EventSourceMapping,
        log_group: Callable[[], str | None],
        open_outlet: Callable[[LogStreamName], LogOutlet],
        clock: Clock,
    ) -> None:
        level = mapping.settings.system_log_level
        self._mapping = mapping
        self._levels = frozenset(() if level is None else _LEVELS[_LEVELS.index(level) :])
        self._log_group = log_group
        self._open_outlet = open_outlet
        self._clock = clock
        self._outlet: LogOutlet | None = None

    def debug(self, message: str, **details: Any) -> None:
        """How far it is with records. Costs a look-up if nobody wants to know."""
        self._write(DEBUG, message, details)

    def info(self, message: str, **details: Any) -> None:
        """What is as it should be."""
        self._write(INFO, message, details)

    def warn(self, message: str, **details: Any) -> None:
        """What somebody should look at."""
        self._write(WARN, message, details)

    def _write(self, level: str, message: str, details: dict[str, Any]) -> None:
        if level not in self._levels:
            return
        group = self._log_group()
        if group is None:
            return
        unix_ms = self._clock.unix_ms()
        day = datetime.fromtimestamp(unix_ms / 1000, UTC)
        name = LogStreamName(self._mapping.scope, group, f"{day:%Y/%m/%d}/{self._mapping.uuid}")
        if self._outlet is None or self._outlet.name != name:
            self._outlet = self._open_outlet(name)
        event = {"timestamp": timestamp(unix_ms), "level": level, "eventSourceMappingArn": self._mapping.arn, "message": message}
        self._outlet.write(LogEvent(unix_ms, msgspec.json.encode(event | details).decode()))
