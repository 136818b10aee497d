"""A template, read: what its parts do when it is evaluated."""

import operator
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from alonzo.edge.api_gateway.velocity.errors import TemplateError, TemplateTooExpensive
from alonzo.edge.api_gateway.velocity.values import TEXT_MAX_CHARACTERS, checked, find_index, find_method, find_property, is_true, text_of

STEPS_MAX = 200_000
"""A template of API Gateway may have 300 KB and iterate a thousand times in a loop; this takes a few tenths of a second at most."""

_SECONDS_MAX = 2.0
"""Of a processor: for what takes few steps and long all the same, such as regular expressions."""

_LOOK_EVERY = 63
_RANGE_MAX = 10_000
_CALLS_MAX = 40


class Break(Exception):
    """`#break`."""


class Stop(Exception):
    """`#stop`."""


@dataclass(slots=True)
class Evaluation:
    """Variables, what has been written, and what it has cost."""

    variables: dict[str, Any]
    output: list[str] = field(default_factory=list)
    written: int = 0
    steps: int = 0
    depth: int = 0
    macros: dict[str, "Macro"] = field(default_factory=dict)
    began_at: float = field(default_factory=time.thread_time)

    def step(self) -> None:
        """TemplateTooExpensive."""
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise TemplateTooExpensive(f"more than {STEPS_MAX} steps")
        if not self.steps & _LOOK_EVERY and time.thread_time() - self.began_at > _SECONDS_MAX:
            raise TemplateTooExpensive(f"more than {_SECONDS_MAX:g} s")

    def write(self, text: str) -> None:
        """TemplateTooExpensive."""
        self.written += len(text)
        if self.written > TEXT_MAX_CHARACTERS:
            raise TemplateTooExpensive(f"more than {TEXT_MAX_CHARACTERS} characters")
        self.output.append(text)

    def captured(self, block: "Block") -> str:
        """What a block writes."""
        before, self.output = self.output, []
        try:
            block.run(self)
            return "".join(self.output)
        finally:
            self.output = before


class Node(Protocol):
    """Writes something, or changes variables."""

    def run(self, evaluation: Evaluation) -> None: ...


class Expression(Protocol):
    """Has a value."""

    def value(self, evaluation: Evaluation) -> Any: ...


@dataclass(frozen=True, slots=True)
class Text:
    text: str

    def run(self, evaluation: Evaluation) -> None:
        evaluation.write(self.text)


@dataclass(frozen=True, slots=True)
class Block:
    nodes: tuple[Node, ...]

    def run(self, evaluation: Evaluation) -> None:
        for node in self.nodes:
            evaluation.step()
            node.run(evaluation)


@dataclass(frozen=True, slots=True)
class Literal:
    content: Any

    def value(self, evaluation: Evaluation) -> Any:
        del evaluation
        return self.content


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A text in double quotation marks."""

    block: Block

    def value(self, evaluation: Evaluation) -> Any:
        return evaluation.captured(self.block)


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple[Expression, ...]

    def value(self, evaluation: Evaluation) -> Any:
        evaluation.step()
        return [item.value(evaluation) for item in self.items]


@dataclass(frozen=True, slots=True)
class MapOf:
    items: tuple[tuple[Expression, Expression], ...]

    def value(self, evaluation: Evaluation) -> Any:
        evaluation.step()
        return {_key(key.value(evaluation)): value.value(evaluation) for key, value in self.items}


@dataclass(frozen=True, slots=True)
class Range:
    first: Expression
    last: Expression

    def value(self, evaluation: Evaluation) -> Any:
        first, last = self.first.value(evaluation), self.last.value(evaluation)
        if not isinstance(first, int) or not isinstance(last, int):
            raise TemplateError("a range is from one whole number to another")
        if abs(last - first) > _RANGE_MAX:
            raise TemplateTooExpensive(f"a range of more than {_RANGE_MAX} numbers")
        return list(range(first, last + 1) if last >= first else range(first, last - 1, -1))


@dataclass(frozen=True, slots=True)
class Access:
    """A step of a reference: `.name`, `.name(…)` or `[index]`."""

    name: str | None
    arguments: tuple[Expression, ...] | None
    index: Expression | None

    def of(self, value: Any, evaluation: Evaluation) -> Any:
        evaluation.step()
        if self.index is not None:
            return find_index(value, self.index.value(evaluation))
        assert self.name is not None
        if self.arguments is None:
            return find_property(value, self.name)
        method = find_method(value, self.name)
        if method is None:
            return None
        given = [argument.value(evaluation) for argument in self.arguments]
        try:
            result = method(*given)
        except (TypeError, IndexError, ValueError, AttributeError, OverflowError) as error:
            if isinstance(error, TemplateError):
                raise
            raise TemplateError(f"{self.name}: {error}") from error
        return checked(result) if isinstance(result, str) else result


@dataclass(frozen=True, slots=True)
class Reference:
    """`$name.a.b(c)[d]`. `source`: how it is written, which is what a reference to nothing writes."""

    name: str
    accesses: tuple[Access, ...]
    is_quiet: bool
    source: str

    def value(self, evaluation: Evaluation) -> Any:
        evaluation.step()
        value = evaluation.variables.get(self.name)
        if isinstance(value, Block):
            value = evaluation.captured(value)  # of `#define`
        for access in self.accesses:
            if value is None:
                return None
            value = access.of(value, evaluation)
        return value

    def run(self, evaluation: Evaluation) -> None:
        value = self.value(evaluation)
        if value is not None:
            evaluation.write(text_of(value))
        elif not self.is_quiet and not self._is_of_gateway():
            evaluation.write(self.source)

    def assign(self, value: Any, evaluation: Evaluation) -> None:
        if not self.accesses:
            evaluation.variables[self.name] = value
            return
        holder = evaluation.variables.get(self.name)
        for access in self.accesses[:-1]:
            holder = access.of(holder, evaluation)
        last = self.accesses[-1]
        key = last.name if last.index is None else last.index.value(evaluation)
        if isinstance(holder, dict):
            holder[_key(key)] = value
        elif isinstance(holder, list) and isinstance(key, int) and -len(holder) <= key < len(holder):
            holder[key] = value
        else:
            raise TemplateError(f"{self.source} cannot be set")

    def _is_of_gateway(self) -> bool:
        """What API Gateway has no value for is an empty text."""
        return self.name in {"context", "stageVariables", "input", "util", "method"} and bool(self.accesses)


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression

    def value(self, evaluation: Evaluation) -> Any:
        return not is_true(self.operand.value(evaluation))


@dataclass(frozen=True, slots=True)
class Logical:
    is_and: bool
    left: Expression
    right: Expression

    def value(self, evaluation: Evaluation) -> Any:
        left = is_true(self.left.value(evaluation))
        if left is not self.is_and:
            return left
        return is_true(self.right.value(evaluation))


@dataclass(frozen=True, slots=True)
class Binary:
    symbol: str
    left: Expression
    right: Expression

    def value(self, evaluation: Evaluation) -> Any:  # noqa: PLR0911 - one for each kind
        evaluation.step()
        left, right = self.left.value(evaluation), self.right.value(evaluation)
        if self.symbol in {"==", "!="}:
            return _equals(left, right) is (self.symbol == "==")
        if self.symbol == "+" and (isinstance(left, str) or isinstance(right, str)):
            return checked(text_of(left) + text_of(right))
        if not _is_number(left) or not _is_number(right):
            if self.symbol in _COMPARISONS and isinstance(left, str) and isinstance(right, str):
                return _COMPARISONS[self.symbol](left, right)
            return None
        if self.symbol in _COMPARISONS:
            return _COMPARISONS[self.symbol](left, right)
        try:
            result = _ARITHMETIC[self.symbol](left, right)
        except ZeroDivisionError:
            return None
        if isinstance(result, int) and abs(result) > 1 << 128:
            raise TemplateTooExpensive("a number grows too large")
        return result


@dataclass(frozen=True, slots=True)
class Set:
    target: Reference
    expression: Expression

    def run(self, evaluation: Evaluation) -> None:
        value = self.expression.value(evaluation)
        if value is not None:  # Velocity 1.7 leaves the variable as it is
            self.target.assign(value, evaluation)


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[Expression | None, Block], ...]

    def run(self, evaluation: Evaluation) -> None:
        for condition, block in self.branches:
            if condition is None or is_true(condition.value(evaluation)):
                block.run(evaluation)
                return


@dataclass(frozen=True, slots=True)
class ForEach:
    name: str
    items: Expression
    block: Block

    def run(self, evaluation: Evaluation) -> None:
        items = self.items.value(evaluation)
        if isinstance(items, Mapping):
            items = list(items.values())
        if not isinstance(items, list):
            return
        names = (self.name, "foreach", "velocityCount", "velocityHasNext")
        before = {name: evaluation.variables.get(name) for name in names}
        items, parent = list(items), before["foreach"]
        for index, item in enumerate(items):
            has_next = index + 1 < len(items)
            evaluation.variables[self.name] = item
            evaluation.variables["velocityCount"] = index + 1
            evaluation.variables["velocityHasNext"] = has_next
            evaluation.variables["foreach"] = {
                "index": index,
                "count": index + 1,
                "hasNext": has_next,
                "first": index == 0,
                "last": not has_next,
                "parent": parent,
            }
            try:
                self.block.run(evaluation)
            except Break:
                break
        evaluation.variables.update(before)


@dataclass(frozen=True, slots=True)
class Macro:
    """`#macro(name $a $b)`; running it is defining it."""

    name: str
    parameters: tuple[str, ...]
    block: Block

    def run(self, evaluation: Evaluation) -> None:
        evaluation.macros.setdefault(self.name, self)


@dataclass(frozen=True, slots=True)
class MacroCall:
    name: str
    arguments: tuple[Expression, ...]
    source: str

    def run(self, evaluation: Evaluation) -> None:
        macro = evaluation.macros.get(self.name)
        if macro is None:
            evaluation.write(self.source)
            return
        if evaluation.depth >= _CALLS_MAX:
            raise TemplateTooExpensive(f"macros call each other more than {_CALLS_MAX} deep")
        given = [argument.value(evaluation) for argument in self.arguments]
        before = {name: evaluation.variables.get(name) for name in macro.parameters}
        evaluation.variables.update(zip(macro.parameters, given + [None] * len(macro.parameters), strict=False))
        evaluation.depth += 1
        try:
            macro.block.run(evaluation)
        finally:
            evaluation.depth -= 1
            evaluation.variables.update(before)


@dataclass(frozen=True, slots=True)
class Define:
    name: str
    block: Block

    def run(self, evaluation: Evaluation) -> None:
        evaluation.variables[self.name] = self.block


@dataclass(frozen=True, slots=True)
class Evaluate:
    """`#evaluate(text)`."""

    expression: Expression
    read: Callable[[str], Block]

    def run(self, evaluation: Evaluation) -> None:
        if evaluation.depth >= _CALLS_MAX:
            raise TemplateTooExpensive(f"templates evaluate each other more than {_CALLS_MAX} deep")
        text = text_of(self.expression.value(evaluation))
        evaluation.steps += len(text) // 16
        evaluation.depth += 1
        try:
            self.read(text).run(evaluation)
        finally:
            evaluation.depth -= 1


@dataclass(frozen=True, slots=True)
class Leave:
    """`#break`, `#stop`."""

    signal: type[Exception]

    def run(self, evaluation: Evaluation) -> None:
        del evaluation
        raise self.signal


def _key(value: Any) -> Any:
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    raise TemplateError("a key of a map is a text or a number")


def _equals(left: Any, right: Any) -> bool:
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    if _is_number(left) is not _is_number(right):
        return left is not None and right is not None and text_of(left) == text_of(right)  # of different classes: as texts
    return bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _divided(left: Any, right: Any) -> Any:
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) is (right < 0) else -quotient  # towards zero, as Java does


def _remainder(left: Any, right: Any) -> Any:
    return left - right * int(_divided(left, right))


_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided, "%": _remainder}
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)
