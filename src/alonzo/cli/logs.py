"""`alonzo logs`: prints what a function logged, and goes on if asked to."""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import click

from alonzo.cli.client import connect, endpoint_option, region_option
from alonzo.cli.log_lines import LEVELS, LogLines, rendered

_FOLLOW_INTERVAL_SECONDS = 0.5

_SECONDS_BY_UNIT = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class AgeType(click.ParamType[float]):
    """An age as people write it (90s, 10m, 2h, 3d, 1w), in seconds."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", str(value))
        if match is None:
            self.fail(f"{value!r} is not an age such as 90s, 10m, 2h or 3d", param, ctx)
        return float(match[1]) * _SECONDS_BY_UNIT[match[2]]


@click.command(short_help="Print what a function logged.")
@click.argument("name")
@click.option("--follow", "-f", is_flag=True, help="Go on printing new lines until Ctrl-C.")
@click.option(
    "--since", "since_seconds", type=AgeType(), default="10m", show_default=True, metavar="AGE", help="How far back: 90s, 10m, 2h, 3d."
)
@click.option("--request-id", metavar="ID", help="Only what was logged while this invocation ran.")
@click.option(
    "--filter", "pattern", metavar="PATTERN", help="Only what CloudWatch Logs' filter pattern chooses: ERROR, '{ $.level = ERROR }', ..."
)
@click.option(
    "--level",
    type=click.Choice(LEVELS, case_sensitive=False),
    help="Only lines of this level or a higher one, and those of which no level is known.",
)
@endpoint_option
@region_option
def logs(
    *,
    name: str,
    follow: bool,
    since_seconds: float,
    request_id: str | None,
    pattern: str | None,
    level: str | None,
    endpoint_url: str,
    region: str | None,
) -> None:
    """Print the log of the function NAME, or of a log group if NAME begins with a slash.

    On a terminal with colours: by level. NO_COLOR turns them off.

    \b
    Examples:
      alonzo logs hello
      alonzo logs hello --follow
      alonzo logs hello --since 2h
      alonzo logs hello --level warn
      alonzo logs hello --request-id 8f5a3f3c-...    of one invocation
      alonzo logs hello --filter '{ $.user = 7 }'
      alonzo logs /my/log/group
    """
    with suppress(KeyboardInterrupt), connect(endpoint_url=endpoint_url, region=region) as create_client:
        group = name if name.startswith("/") else _log_group_of(create_client("lambda"), name)
        events = _iter_events(
            create_client("logs"),
            group=group,
            start_ms=_now_ms() - int(since_seconds * 1000),
            follow=follow,
            interval_seconds=_FOLLOW_INTERVAL_SECONDS,
            pattern=pattern,
        )
        chosen = LogLines(request_id=request_id, level=level)
        is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        for event in events:
            if chosen.takes(event["logStreamName"], event["message"]):
                click.echo(rendered(_local_time(event["timestamp"]), event["message"], is_coloured=is_coloured), color=is_coloured)


def _log_group_of(lambda_client: Any, name: str) -> str:
    return str(lambda_client.get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"])


def _iter_events(
    logs_client: Any, *, group: str, start_ms: int, follow: bool, interval_seconds: float, pattern: str | None = None
) -> Iterator[dict[str, Any]]:
    """Events from `start_ms` on, each once; without end if followed.

    Events of one millisecond may come in two reads, so a read begins at the newest one's instant and leaves out what was seen of it.
    """
    seen_ids: set[str] = set()
    while True:
        for event in _iter_stored_events(logs_client, group=group, start_ms=start_ms, pattern=pattern):
            if event["eventId"] in seen_ids:
                continue
            if event["timestamp"] > start_ms:
                start_ms = event["timestamp"]
                seen_ids = set()
            seen_ids.add(event["eventId"])
            yield event
        if not follow:
            return
        time.sleep(interval_seconds)


def _iter_stored_events(logs_client: Any, *, group: str, start_ms: int, pattern: str | None) -> Iterator[dict[str, Any]]:
    """What FilterLogEvents has now. A function that never logged has no log group yet: nothing then."""
    wanted = {} if pattern is None else {"filterPattern": pattern}
    try:
        for page in logs_client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start_ms, **wanted):
            yield from page["events"]
    except logs_client.exceptions.ResourceNotFoundException:
        return


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _local_time(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000).astimezone().isoformat(timespec="milliseconds")
