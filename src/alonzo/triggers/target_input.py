"""What a rule's target gets of an event: all of it, a part, a text that is always the same, or a template that parts of it are put into.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html. What it does not say (objects within texts
lose their quotation marks, a path that leads nowhere gives an empty text) is as others have recorded it from AWS.
"""

import re
from typing import Any

import msgspec

from alonzo.triggers.errors import UnknownPath
from alonzo.triggers.event_paths import find_path
from alonzo.triggers.target import InputTransformer, Target

Event = dict[str, Any]

_PLACEHOLDER = re.compile(r"<([^<>]{1,256})>")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def input_of(target: Target, event: Event, *, rule_arn: str, ingested_at: str) -> str:
    """The text that goes to the target, JSON unless a template makes something else. `UnknownPath`."""
    if target.input is not None:
        return target.input
    if target.input_path is not None:
        return _json(_one(find_path(event, target.input_path), absent=None))
    if target.input_transformer is not None:
        return _transformed(target.input_transformer, event, rule_arn=rule_arn, ingested_at=ingested_at)
    return _json(event)


def _transformed(transformer: InputTransformer, event: Event, *, rule_arn: str, ingested_at: str) -> str:
    values = {name: _value_at(event, path) for name, path in transformer.input_paths_map.items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.ingestion-time": ingested_at,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": event,
    }
    template = transformer.input_template
    is_json = template.lstrip().startswith(("{", "["))
    pieces, position = [], 0
    for text in _TEXT.finditer(template):
        pieces.append(_filled(template[position : text.start()], values, within_text=False))
        pieces.append(_filled(text[0], values, within_text=True, keeps_json=is_json))
        position = text.end()
    pieces.append(_filled(template[position:], values, within_text=False))
    return "".join(pieces)


def _filled(piece: str, values: dict[str, Any], *, within_text: bool, keeps_json: bool = False) -> str:
    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1], "")
        if not within_text:
            return _json(value)
        if isinstance(value, str):
            return _json(value)[1:-1]
        return _json(_json(value))[1:-1] if keeps_json else _json(value).replace('"', "")

    return _PLACEHOLDER.sub(value_of, piece)


def _value_at(event: Event, path: str) -> Any:
    try:
        return _one(find_path(event, path), absent="")
    except UnknownPath:
        return ""


def _one(found: list[Any], *, absent: Any) -> Any:
    return absent if not found else found[0] if len(found) == 1 else found


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
