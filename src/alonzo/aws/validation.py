"""Parameters against the constraints of the model, answered in AWS's words.

    2 validation errors detected: Value '[a]' at 'vpcConfig.subnetIds' failed to satisfy constraint: …; Value null at 'role' failed …

Source of the words and orders: answers recorded from the Lambda API, and such messages of DynamoDB and Cognito. Members are reported
from the last of a structure to the first, a pattern before a length; the constraints of elements on the list or map that holds them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.aws.constraints import NOT_NULL, broken_constraints, element_constraints
from alonzo.aws.parsing import Parameters
from alonzo.aws.recorded_constraints import LIST_TEXTS, LISTS_WITH_NULLS, UNVALIDATED_MEMBERS
from alonzo.aws.service_description import Operation, Shape
from alonzo.aws.service_model import ServiceModel

REPORTED_VIOLATIONS_MAX = 100
"""Ours: it bounds the answer to a request with thousands of broken elements."""

_ERROR_CODES = {"lambda": "ValidationException", "logs": "InvalidParameterException", "monitoring": "ValidationError"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken constraint. `value` is in Java's notation; None stands for a value that is not to be shown."""

    path: str
    value: str | None
    constraint: str

    def __str__(self) -> str:
        value = "Value" if self.value is None else f"Value {self.value}"
        return f"{value} at '{self.path}' failed to satisfy constraint: {self.constraint}"


def validate(model: ServiceModel, operation: Operation, parameters: Parameters) -> None:
    """Raise the service's validation error, naming every broken constraint."""
    if operation.input is None:
        return
    violations: list[Violation] = []
    for violation in _structure(model, operation.input.shape, parameters, ""):
        violations.append(violation)
        if len(violations) == REPORTED_VIOLATIONS_MAX:
            break
    if violations:
        code = _ERROR_CODES.get(model.service, "ValidationException")
        raise ApiError(code=code, message=validation_message(violations), http_status=400)


def validation_message(violations: list[Violation]) -> str:
    """The message of a validation error; operations with constraints of their own use it too."""
    count = len(violations)
    detected = f"{count} validation error{'s' if count > 1 else ''} detected: "
    return detected + "; ".join(str(violation) for violation in violations)


def member_path(name: str) -> str:
    """How AWS names a member of a request in messages: `FunctionName` is 'functionName'."""
    return name[:1].lower() + name[1:]


def java_text(value: Any) -> str:
    """A value as Java's `toString` prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(java_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={java_text(item)}' for key, item in value.items())}}}"
    return "null" if value is None else str(value)


def _structure(model: ServiceModel, shape_name: str, parameters: Parameters, prefix: str) -> Iterator[Violation]:
    shape = model.shape(shape_name)
    for name, member in reversed(shape.members.items()):
        path = prefix + member_path(name)
        value = parameters.get(name)
        if value is None:
            if name in shape.required:
                yield Violation(path=path, value="null", constraint=NOT_NULL)
        elif (shape_name, name) not in UNVALIDATED_MEMBERS:
            yield from _value(model, member.shape, value, path)


def _value(model: ServiceModel, shape_name: str, value: Any, path: str) -> Iterator[Violation]:
    shape = model.shape(shape_name)
    for constraint in broken_constraints(model, shape_name, value):
        yield Violation(path=path, value=_shown(shape, value), constraint=constraint)
    if shape.type == "structure":
        yield from _structure(model, shape_name, value, f"{path}.")
    elif shape.type == "list":
        yield from _list(model, shape_name, value, path)
    elif shape.type == "map":
        yield from _map(model, shape, value, path)


def _list(model: ServiceModel, shape_name: str, value: list[Any], path: str) -> Iterator[Violation]:
    shape = model.shape(shape_name)
    assert shape.member is not None
    element_name = shape.member.shape
    if model.shape(element_name).type in {"structure", "list", "map"}:
        for index, item in enumerate(value, start=1):
            item_path = f"{path}.{index}.member"
            if item is None:
                yield Violation(path=item_path, value="null", constraint=NOT_NULL)
            else:
                yield from _value(model, element_name, item, item_path)
    elif any(_element_breaks(model, element_name, item) for item in value):
        constraints = element_constraints(model, element_name, nullable=shape_name in LISTS_WITH_NULLS)
        constraint = LIST_TEXTS.get(shape_name, f"Member must satisfy constraint: {constraints}")
        yield Violation(path=path, value=_shown(shape, value), constraint=constraint)


def _map(model: ServiceModel, shape: Shape, value: dict[str, Any], path: str) -> Iterator[Violation]:
    assert shape.key is not None
    assert shape.value is not None
    key_name, item_name = shape.key.shape, shape.value.shape
    if any(_element_breaks(model, key_name, key) for key in value):
        constraints = element_constraints(model, key_name, nullable=True)
        yield Violation(path=path, value=_shown(shape, value), constraint=f"Map keys must satisfy constraint: {constraints}")
    if model.shape(item_name).type in {"structure", "list", "map"}:
        for key, item in value.items():
            if item is None:
                yield Violation(path=f"{path}.{key}.member", value="null", constraint=NOT_NULL)
            else:
                yield from _value(model, item_name, item, f"{path}.{key}.member")
    elif any(_element_breaks(model, item_name, item) for item in value.values()):
        constraints = element_constraints(model, item_name, nullable=False)
        yield Violation(path=path, value=_shown(shape, value), constraint=f"Map value must satisfy constraint: {constraints}")


def _element_breaks(model: ServiceModel, shape_name: str, value: Any) -> bool:
    return value is None or any(True for _ in broken_constraints(model, shape_name, value))


def _shown(shape: Shape, value: Any) -> str | None:
    if shape.sensitive or shape.type in {"blob", "structure"}:
        return None
    return f"'{java_text(value)}'"
