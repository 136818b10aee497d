"""Properties of CloudFormation turned into parameters of an API, by botocore's model of the operation.

CloudFormation names most properties as the API names its members, but for the case of the first letter, and takes texts for numbers.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from alonzo.companion.cloudformation.errors import ResourceFailed

_PAIR = ("Key", "Value")


def parameters_of(client: Any, operation: str, properties: Mapping[str, Any], *, ignore: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What `client.operation(**parameters)` takes. `ignore`: properties that others deal with. ResourceFailed for unknown ones."""
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    found = {name: value for name, value in properties.items() if name not in ignore}
    made: dict[str, Any] = _fit(found, model.input_shape, path="")
    return made


def _fit(value: Any, shape: Any, *, path: str) -> Any:
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        return _fit_structure(value, shape, path)
    if kind == "list":
        elements = value if isinstance(value, list) else [value]
        return [_fit(element, shape.member, path=f"{path}[{index}]") for index, element in enumerate(elements)]
    if kind == "map":
        if isinstance(value, list):  # tags are a map here and a list there
            value = {pair[_PAIR[0]]: pair[_PAIR[1]] for pair in value}
        return {str(name): _fit(member, shape.value, path=f"{path}/{name}") for name, member in value.items()}
    return _fit_scalar(value, kind, path)


def _fit_structure(value: Any, shape: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ResourceFailed(f"Properties validation failed: #{path}: expected type: JSONObject, found: {type(value).__name__}")
    made = {}
    by_lower_name = {name.lower(): name for name in shape.members}
    for name, member in value.items():
        found = name if name in shape.members else by_lower_name.get(name.lower())
        if found is None:
            raise ResourceFailed(
                f"Encountered unsupported property {name}" if not path else f"Encountered unsupported property {path}/{name}"
            )
        made[found] = _fit(member, shape.members[found], path=f"{path}/{name}")
    return made


def _fit_scalar(value: Any, kind: str, path: str) -> Any:
    make = _SCALARS.get(kind)
    try:
        return value if make is None else make(value)
    except (ValueError, KeyError, TypeError):
        raise ResourceFailed(f"Properties validation failed: #{path}: expected type: {kind}, found: {value}") from None


def _as_boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


_SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "blob": lambda value: value if isinstance(value, bytes) else str(value).encode(),
    "boolean": _as_boolean,
    "double": float,
    "float": float,
    "integer": int,
    "long": int,
    "string": _as_text,
}
