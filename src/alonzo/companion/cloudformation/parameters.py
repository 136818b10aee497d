"""The parameters of a template: what they are in a stack.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from alonzo.companion.cloudformation.errors import ValidationError

_FROM_STORE = "AWS::SSM::Parameter::Value<"


def resolve_parameters(
    template: Mapping[str, Any], given: Mapping[str, str], *, find_stored: Callable[[str], str]
) -> tuple[dict[str, str], dict[str, Any]]:
    """The texts as they are shown, and the values as functions see them. Raises ValidationError.

    `find_stored`: the value of a name in the parameter store.
    """
    definitions = template.get("Parameters", {})
    unknown = [name for name in given if name not in definitions]
    if unknown:
        raise ValidationError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, definition in definitions.items() if name not in given and "Default" not in definition]
    if missing:
        raise ValidationError(f"Parameters: [{', '.join(missing)}] must have values")
    texts = {name: _text(given.get(name, definition.get("Default"))) for name, definition in definitions.items()}
    values = {}
    for name, definition in definitions.items():
        kind = str(definition["Type"])
        text = texts[name]
        _check(name, definition, text)
        if kind.startswith(_FROM_STORE):
            text, kind = find_stored(text), kind[len(_FROM_STORE) : -1]
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        values[name] = [part.strip() for part in text.split(",")] if is_list else text
    return texts, values


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _check(name: str, definition: Mapping[str, Any], text: str) -> None:
    allowed = definition.get("AllowedValues")
    parts = text.split(",") if definition["Type"] == "CommaDelimitedList" else [text]
    if allowed is not None and not {part.strip() for part in parts} <= set(map(_text, allowed)):
        raise ValidationError(f"Parameter '{name}' must be one of AllowedValues")
    pattern = definition.get("AllowedPattern")
    if pattern is not None and re.fullmatch(str(pattern), text) is None:
        raise ValidationError(definition.get("ConstraintDescription") or f"Parameter '{name}' must match pattern {pattern}")
    if len(text) < int(definition.get("MinLength", 0)):
        raise ValidationError(f"Parameter '{name}' must contain at least {definition['MinLength']} characters")
    if "MaxLength" in definition and len(text) > int(definition["MaxLength"]):
        raise ValidationError(f"Parameter '{name}' must contain at most {definition['MaxLength']} characters")
    if definition["Type"] == "Number":
        _check_number(name, definition, text)


def _check_number(name: str, definition: Mapping[str, Any], text: str) -> None:
    try:
        number = float(text)
    except ValueError:
        raise ValidationError(f"Parameter '{name}' must be a number") from None
    if "MinValue" in definition and number < float(definition["MinValue"]):
        raise ValidationError(f"Parameter '{name}' must be a number not less than {definition['MinValue']}")
    if "MaxValue" in definition and number > float(definition["MaxValue"]):
        raise ValidationError(f"Parameter '{name}' must be a number not greater than {definition['MaxValue']}")
