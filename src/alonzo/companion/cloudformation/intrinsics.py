"""Intrinsic functions: what `Ref`, `Fn::Sub` and the others stand for.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html.
"""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from alonzo.companion.cloudformation.errors import ValidationError

NO_VALUE = object()
"""What `AWS::NoValue` refers to: a property that is not there."""

_ZONES = ("a", "b", "c")
_DYNAMIC = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]{1,2048})\}\}")


class References(Protocol):
    """What the values of a template's names are, outside the template itself."""

    def ref(self, logical_id: str) -> Any:
        """Of a resource."""
        ...

    def attribute(self, logical_id: str, name: str) -> Any:
        """Of a resource."""
        ...

    def imported(self, name: str) -> str:
        """An export of another stack."""
        ...

    def dynamic(self, service: str, reference: str) -> str:
        """`{{resolve:…}}`: of the parameter store or of Secrets Manager."""
        ...


class Evaluator:
    """Of one template with its parameters. Raises ValidationError for what cannot be."""

    def __init__(
        self, *, template: Mapping[str, Any], parameters: Mapping[str, Any], pseudo: Mapping[str, Any], references: References
    ) -> None:
        self._mappings = template.get("Mappings", {})
        self._condition_definitions = template.get("Conditions", {})
        self._parameters = parameters
        self._pseudo = pseudo
        self._references = references
        self._conditions: dict[str, bool] = {}
        self._under_way: list[str] = []
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::Base64": lambda value: base64.b64encode(self._text(value, "Fn::Base64").encode()).decode(),
            "Fn::Cidr": self._cidr,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_attribute,
            "Fn::GetAZs": lambda region: [f"{self.value(region) or self._pseudo['AWS::Region']}{zone}" for zone in _ZONES],
            "Fn::If": self._if,
            "Fn::ImportValue": lambda name: self._references.imported(self._text(name, "Fn::ImportValue")),
            "Fn::Join": self._join,
            "Fn::Length": lambda value: len(self._list(value, "Fn::Length")),
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
            "Fn::ToJsonString": lambda value: json.dumps(self.value(value), separators=(",", ":")),
            "Fn::And": lambda values: all(self._truth(value) for value in values),
            "Fn::Equals": lambda values: _same(self.value(values[0]), self.value(values[1])),
            "Fn::Not": lambda values: not self._truth(values[0]),
            "Fn::Or": lambda values: any(self._truth(value) for value in values),
        }

    def value(self, expression: Any) -> Any:
        """What an expression stands for; members and elements without a value are left out."""
        if isinstance(expression, list):
            return [value for value in map(self.value, expression) if value is not NO_VALUE]
        if isinstance(expression, str):
            return self._resolve_dynamic(expression)
        if not isinstance(expression, dict):
            return expression
        if len(expression) == 1:
            ((name, argument),) = expression.items()
            function = self._functions.get(name)
            if function is not None:
                return function(argument)
            if name == "Condition" and isinstance(argument, str) and argument in self._condition_definitions:
                return self.condition(argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                raise ValidationError(f"Template error: {name} is not supported here.")
        members = {name: self.value(member) for name, member in expression.items()}
        return {name: member for name, member in members.items() if member is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Whether a condition of the template is met."""
        if name not in self._conditions:
            if name not in self._condition_definitions:
                raise ValidationError(
                    f"Template format error: Unresolved condition dependency {name} in the Conditions block of the template"
                )
            if name in self._under_way:
                raise ValidationError(f"Template error: Circular dependency between conditions: {[*self._under_way, name]}")
            self._under_way.append(name)
            try:
                self._conditions[name] = self._truth(self._condition_definitions[name])
            finally:
                self._under_way.pop()
        return self._conditions[name]

    def applies(self, member: Mapping[str, Any]) -> bool:
        """Whether a resource or an output is there at all."""
        return "Condition" not in member or self.condition(member["Condition"])

    def _truth(self, expression: Any) -> bool:
        value = self.value(expression)
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise ValidationError(f"Template error: every condition must be true or false, and {json.dumps(value, default=str)} is not")
        return value

    def _ref(self, name: Any) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._parameters:
            return self._parameters[name]
        return self._references.ref(name)

    def _get_attribute(self, argument: Any) -> Any:
        logical_id, name = argument.split(".", 1) if isinstance(argument, str) and "." in argument else argument
        return self._references.attribute(logical_id, self._text(name, "Fn::GetAtt"))

    def _find_in_map(self, argument: Any) -> Any:
        names = [self._text(name, "Fn::FindInMap") for name in argument[:3]]
        found = self._mappings
        for name in names:
            if not isinstance(found, dict) or name not in found:
                if len(argument) > 3 and "DefaultValue" in argument[3]:  # noqa: PLR2004 - after map and two keys
                    return self.value(argument[3]["DefaultValue"])
                raise ValidationError(f"Template error: Unable to get mapping for {'::'.join(names)}")
            found = found[name]
        return found

    def _if(self, argument: Any) -> Any:
        name, if_true, if_false = argument
        return self.value(if_true if self.condition(name) else if_false)

    def _join(self, argument: Any) -> str:
        separator, values = argument
        return str(separator).join(_as_text(value, "Fn::Join") for value in self._list(values, "Fn::Join"))

    def _select(self, argument: Any) -> Any:
        index, values = int(self.value(argument[0])), self._list(argument[1], "Fn::Select")
        if not 0 <= index < len(values):
            raise ValidationError(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
        return values[index]

    def _split(self, argument: Any) -> list[str]:
        return self._text(argument[1], "Fn::Split").split(str(argument[0]))

    def _sub(self, argument: Any) -> str:
        text, own = (argument[0], argument[1]) if isinstance(argument, list) else (argument, {})
        parts = text.split("${")
        made = [parts[0]]
        for part in parts[1:]:
            name, closing, rest = part.partition("}")
            if not closing:
                made.append("${" + part)
            elif name.startswith("!"):
                made.append("${" + name[1:] + "}" + rest)
            else:
                made.append(self._substituted(name.strip(), own) + rest)
        return self._resolve_dynamic("".join(made))

    def _substituted(self, name: str, own: Mapping[str, Any]) -> str:
        if name in own:
            value = self.value(own[name])
        elif "." in name:
            value = self._references.attribute(*name.split(".", 1))
        else:
            value = self._ref(name)
        return _as_text(value, "Fn::Sub")

    def _cidr(self, argument: Any) -> list[str]:
        block, count, *bits = [self.value(part) for part in argument]
        network = ipaddress.ip_network(block, strict=False)
        host_bits = int(bits[0]) if bits else network.max_prefixlen - network.prefixlen - (int(count) - 1).bit_length()
        found = []
        for subnet in network.subnets(new_prefix=network.max_prefixlen - host_bits):
            found.append(str(subnet))
            if len(found) == int(count):
                return found
        raise ValidationError(f"Template error: Fn::Cidr cannot make {count} blocks of {block}")

    def _resolve_dynamic(self, text: str) -> str:
        if "{{resolve:" not in text:
            return text
        return _DYNAMIC.sub(lambda found: self._references.dynamic(found[1], found[2]), text)

    def _text(self, expression: Any, function: str) -> str:
        return _as_text(self.value(expression), function)

    def _list(self, expression: Any, function: str) -> list[Any]:
        value = self.value(expression)
        if not isinstance(value, list):
            raise ValidationError(f"Template error: {function} needs a list")
        return value


def _as_text(value: Any, function: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and function == "Fn::Sub":
        return ",".join(map(str, value))
    raise ValidationError(f"Template error: every value of {function} must be a string, and {json.dumps(value, default=str)} is not")


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, dict | list) or isinstance(second, dict | list):
        return bool(first == second)
    return _as_text(first, "Fn::Equals") == _as_text(second, "Fn::Equals")
