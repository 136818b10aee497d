"""Templates: read from YAML or JSON, and checked for what CloudFormation checks before it begins.

YAML is read by a loader that makes nothing but plain data: templates come from anybody, functions among them.
Source of the limits: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html.
"""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from alonzo.companion.cloudformation.errors import ValidationError

_BODY_MAX_BYTES = 1 << 20
_RESOURCES_MAX = 500
_DEPTH_MAX = 100
_SECTIONS = frozenset(
    {
        *("AWSTemplateFormatVersion", "Conditions", "Description", "Globals", "Hooks", "Mappings", "Metadata", "Outputs", "Parameters"),
        *("Resources", "Rules", "Transform"),
    }
)


class _Loader(yaml.SafeLoader):
    """Plain data, CloudFormation's short forms of functions, and no aliases, with which a short text can hold a very large value."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise ValidationError("Template error: YAML aliases are not allowed in CloudFormation templates")
        return super().compose_node(parent, index)


def _construct_function(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct_function)
_AS_TEXT: Any = yaml.SafeLoader.construct_yaml_str
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _AS_TEXT)  # 2012-10-17 is a policy's version


def parse_template(body: str) -> dict[str, Any]:
    """The template as it is written. Raises ValidationError."""
    if len(body.encode()) > _BODY_MAX_BYTES:
        raise ValidationError("Template may not exceed 1000000 bytes in size.")
    try:
        template = json.loads(body) if body.lstrip().startswith("{") else yaml.load(body, Loader=_Loader)  # noqa: S506 - a safe one
    except (yaml.YAMLError, json.JSONDecodeError, RecursionError, ValueError) as error:
        raise ValidationError(f"Template format error: {_format_of(body)} not well-formed. ({_place_of(error)})") from error
    if not isinstance(template, dict):
        raise ValidationError("Template format error: unsupported structure.")
    if depth_of(template) > _DEPTH_MAX:
        raise ValidationError("Template format error: the template is nested too deeply.")
    return template


def check_template(template: dict[str, Any]) -> None:
    """What is wrong with its form, after transforms. Raises ValidationError."""
    unknown = [name for name in template if name not in _SECTIONS]
    if unknown:
        raise ValidationError(f"Invalid template property or properties [{', '.join(map(str, unknown))}]")
    resources = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise ValidationError("Template format error: At least one Resources member must be defined.")
    if len(resources) > _RESOURCES_MAX:
        raise ValidationError(f"Template format error: Number of resources, {len(resources)}, is greater than maximum allowed, 500")
    _check_sections(template)
    for name, resource in resources.items():
        _check_resource(name, resource)
    check_references(template)


def check_references(template: dict[str, Any]) -> None:
    """That what is referred to is there. Raises ValidationError."""
    known = {*template["Resources"], *template.get("Parameters", {})}
    for section in ("Resources", "Outputs"):
        missing = sorted({name for name in references_in(template.get(section, {})) if name not in known and not name.startswith("AWS::")})
        if missing:
            raise ValidationError(
                f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] in the {section} block of the template"
            )


def references_in(value: Any) -> Iterator[str]:
    """Names of resources and parameters that `Ref`, `Fn::GetAtt`, `Fn::Sub` and `DependsOn` name, as often as they do."""
    if isinstance(value, list):
        for element in value:
            yield from references_in(element)
    if not isinstance(value, dict):
        return
    for name, argument in value.items():
        if name == "Ref" and isinstance(argument, str):
            yield argument
        elif name == "Fn::GetAtt":
            yield from _of_attribute(argument)
        elif name == "Fn::Sub":
            yield from _of_substitution(argument)
        elif name == "DependsOn" and "Type" in value:
            yield from [argument] if isinstance(argument, str) else argument
        else:
            yield from references_in(argument)


def _of_attribute(argument: Any) -> Iterator[str]:
    if isinstance(argument, str):
        yield argument.split(".", 1)[0]
    elif isinstance(argument, list) and argument and isinstance(argument[0], str):
        yield argument[0]
        yield from references_in(argument[1:])


def _of_substitution(argument: Any) -> Iterator[str]:
    text, own = (argument[0], argument[1]) if isinstance(argument, list) and len(argument) == 2 else (argument, {})  # noqa: PLR2004
    if isinstance(text, str):
        for name in variables_in(text):
            if name not in own:
                yield name.split(".", 1)[0]
    yield from references_in(own)


def variables_in(text: str) -> Iterator[str]:
    """The names within `${}`, but for `${!literal}`."""
    for part in text.split("${")[1:]:
        name, closing, _ = part.partition("}")
        if closing and not name.startswith("!"):
            yield name.strip()


def depth_of(value: Any) -> int:
    """How many lists and maps are within each other."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [child for each in level if isinstance(each, dict | list) for child in (each.values() if isinstance(each, dict) else each)]
    return depth


def _check_sections(template: dict[str, Any]) -> None:
    for section in ("Conditions", "Mappings", "Outputs", "Parameters"):
        if not isinstance(template.get(section, {}), dict):
            raise ValidationError(f"Template format error: {section} must be an object.")
    for name, output in template.get("Outputs", {}).items():
        if not isinstance(output, dict) or "Value" not in output:
            raise ValidationError(f"Template format error: Every Outputs member must contain a Value object ({name} has none).")
    for name, parameter in template.get("Parameters", {}).items():
        if not isinstance(parameter, dict) or not isinstance(parameter.get("Type"), str):
            raise ValidationError(f"Template format error: Every Parameters object must contain a Type member ({name} has none).")


def _check_resource(name: str, resource: Any) -> None:
    if not isinstance(resource, dict):
        raise ValidationError("Template format error: Any Resources member must be an object.")
    if not isinstance(resource.get("Type"), str):
        raise ValidationError(f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.")
    if not isinstance(resource.get("Properties", {}), dict):
        raise ValidationError(f"Template format error: [/Resources/{name}/Properties] Properties must be an object.")
    if not str(name).isalnum():
        raise ValidationError(f"Template format error: Resource name {name} is non alphanumeric.")


def _format_of(body: str) -> str:
    return "JSON" if body.lstrip().startswith("{") else "YAML"


def _place_of(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}, column {mark.column + 1}"
    return str(error)
