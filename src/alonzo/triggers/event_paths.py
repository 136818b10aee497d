"""Paths into events: the part of JSONPath that EventBridge understands (names, numbers of elements, `*`).

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

import re
from typing import Any

from alonzo.triggers.errors import UnknownPath

_STEP = re.compile(r"\.(\*|[A-Za-z0-9_-]+)|\[(\*|[0-9]{1,6})\]|\[(?:'([^']*)'|\"([^\"]*)\")\]")
_ALL = "*"


def find_path(event: Any, path: str) -> list[Any]:
    """What is at a path, in the order of the event: nothing, one value, or several where the path has a `*`. `UnknownPath`."""
    found = [event]
    for step in _steps(path):
        found = [value for place in found for value in _below(place, step)]
    return found


def _steps(path: str) -> list[str | int]:
    if not path.startswith("$"):
        raise UnknownPath(f"{path!r} does not begin with $")
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise UnknownPath(f"{path!r} is not understood from {path[position : position + 20]!r} on")
        position = match.end()
        name, index, *quoted = match.groups()
        if index is not None:
            steps.append(_ALL if index == _ALL else int(index))
        else:
            steps.append(name if name is not None else next(text for text in quoted if text is not None))
    return steps


def _below(place: Any, step: str | int) -> list[Any]:
    match place:
        case list() if step == _ALL:
            return place
        case list() if isinstance(step, int) and step < len(place):
            return [place[step]]
        case dict() if step == _ALL:
            return list(place.values())
        case dict() if step in place:
            return [place[step]]
    return []
