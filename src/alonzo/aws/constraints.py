"""The constraints of one shape: which of them a value breaks, and how AWS words them."""

from collections.abc import Iterator
from typing import Any

from alonzo.aws.recorded_constraints import ENUM_ORDERS, ENUM_TEXTS, PATTERN_TEXTS
from alonzo.aws.service_description import Shape
from alonzo.aws.service_model import ServiceModel

NOT_NULL = "Member must not be null"

_NUMBERS = frozenset({"integer", "long", "double", "float"})
_SIZED = frozenset({"string", "list", "map", "blob"})
_MATCHED_CHARACTERS_MAX = 100_000
"""Ours: longer values are not matched against patterns of shapes without a maximal length (the longest such maximum is 262,144 bytes)."""


def broken_constraints(model: ServiceModel, shape_name: str, value: Any) -> Iterator[str]:
    """The constraints of the shape itself (not of its members or elements) that the value breaks, worded."""
    shape = model.shape(shape_name)
    if shape.enum and value not in shape.enum:
        yield _enum(shape_name, shape)
    if shape.pattern is not None and not _matches(model, shape.pattern, value):
        yield _pattern(shape_name, shape)
    size = value if shape.type in _NUMBERS else len(value) if shape.type in _SIZED else None
    if size is None:
        return
    if shape.max is not None and size > shape.max:
        yield _limit(shape, "less than", shape.max)
    if shape.min is not None and size < shape.min:
        yield _limit(shape, "greater than", shape.min)


def element_constraints(model: ServiceModel, shape_name: str, *, nullable: bool) -> str:
    """All constraints of a list's or a map's elements, as AWS lists them when one element breaks one of them."""
    shape = model.shape(shape_name)
    constraints = []
    if shape.max is not None:
        constraints.append(_limit(shape, "less than", shape.max))
    if shape.min is not None:
        constraints.append(_limit(shape, "greater than", shape.min))
    if shape.enum:
        constraints.append(_enum(shape_name, shape))
    if shape.pattern is not None:
        constraints.append(_pattern(shape_name, shape))
    if not nullable:
        constraints.append(NOT_NULL)
    return f"[{', '.join(constraints)}]"


def _enum(shape_name: str, shape: Shape) -> str:
    values = ENUM_ORDERS.get(shape_name, shape.enum)
    if frozenset(values) != frozenset(shape.enum):
        values = shape.enum
    values = ENUM_TEXTS.get(shape_name, values)
    return f"Member must satisfy enum value set: [{', '.join(values)}]"


def _pattern(shape_name: str, shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {PATTERN_TEXTS.get(shape_name, shape.pattern)}"


def _limit(shape: Shape, direction: str, limit: float) -> str:
    measure = "value" if shape.type in _NUMBERS else "length"
    number = float(limit) if shape.type in {"double", "float"} else int(limit)
    return f"Member must have {measure} {direction} or equal to {number}"


def _matches(model: ServiceModel, pattern: str, value: str) -> bool:
    if len(value) > _MATCHED_CHARACTERS_MAX:
        return False
    compiled = model.pattern(pattern)
    return compiled is None or compiled.fullmatch(value) is not None
