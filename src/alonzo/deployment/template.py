"""Templates of CloudFormation and SAM as they lie in a project: read, with the short forms of YAML, and what in them is local.

Nothing is resolved here but what a build must know; everything else is CloudFormation's.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from alonzo.deployment.errors import TemplateInvalid

TEMPLATE_NAMES = ("template.yaml", "template.yml", "template.json")
"""As SAM looks for them, in this order."""


class LocalKind(StrEnum):
    """What a local path in a template stands for."""

    FUNCTION = "function"
    LAYER = "layer"
    DEFINITION = "definition"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class _LocalProperty:
    """A property that may be a path. `bucket` and `key` are the members that take its place; of a definition, where its content goes."""

    name: str
    kind: LocalKind
    bucket: str = ""
    key: str = ""
    body: str = ""


_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_LOCAL_PROPERTIES = {
    "AWS::Serverless::Function": _LocalProperty(name="CodeUri", kind=LocalKind.FUNCTION, bucket="Bucket", key="Key"),
    "AWS::Lambda::Function": _LocalProperty(name="Code", kind=LocalKind.FUNCTION, bucket="S3Bucket", key="S3Key"),
    "AWS::Serverless::LayerVersion": _LocalProperty(name="ContentUri", kind=LocalKind.LAYER, bucket="Bucket", key="Key"),
    "AWS::Lambda::LayerVersion": _LocalProperty(name="Content", kind=LocalKind.LAYER, bucket="S3Bucket", key="S3Key"),
    "AWS::Serverless::Api": _LocalProperty(name="DefinitionUri", kind=LocalKind.DEFINITION, body="DefinitionBody"),
    "AWS::Serverless::HttpApi": _LocalProperty(name="DefinitionUri", kind=LocalKind.DEFINITION, body="DefinitionBody"),
    "AWS::Serverless::StateMachine": _LocalProperty(name="DefinitionUri", kind=LocalKind.DEFINITION, body="Definition"),
    "AWS::ApiGateway::RestApi": _LocalProperty(name="BodyS3Location", kind=LocalKind.DEFINITION, body="Body"),
    "AWS::StepFunctions::StateMachine": _LocalProperty(name="DefinitionS3Location", kind=LocalKind.DEFINITION, body="Definition"),
    "AWS::CloudFormation::Stack": _LocalProperty(name="TemplateURL", kind=LocalKind.TEMPLATE),
    "AWS::Serverless::Application": _LocalProperty(name="Location", kind=LocalKind.TEMPLATE),
}
"""Source: https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html, and SAM's resource and property reference."""


@dataclass(frozen=True, slots=True)
class LocalReference:
    """A local path in a template: whose, and what it is."""

    logical_id: str
    kind: LocalKind
    path: Path


class Template:
    """One template, read by `read_template`; changed in place by what replaces local paths."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self.path = path
        self.content = content

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Its resources by their logical ids."""
        return {name: resource for name, resource in self.content.get("Resources", {}).items() if isinstance(resource, dict)}

    def local_references(self) -> list[LocalReference]:
        """All local paths in it. `TemplateInvalid` for one that is not there."""
        return [reference for name in self.resources if (reference := self._local_reference(name)) is not None]

    def setting(self, logical_id: str, name: str, parameters: dict[str, str]) -> Any:
        """A property of a resource, else what Globals say of all functions; None if neither. A `Ref` of a parameter is resolved."""
        value = self._property(logical_id, name)
        if isinstance(value, dict) and set(value) == {"Ref"}:
            declared = self.content.get("Parameters", {}).get(value["Ref"], {})
            return parameters.get(value["Ref"], declared.get("Default"))
        return value

    def metadata(self, logical_id: str) -> dict[str, Any]:
        """SAM's build settings among a resource's metadata."""
        metadata = self.resources[logical_id].get("Metadata")
        return metadata if isinstance(metadata, dict) else {}

    def set_code(self, logical_id: str, bucket: str, key: str) -> None:
        """Let a function's or a layer's code be this object of S3."""
        local = self._local_property(logical_id)
        self._properties(logical_id)[local.name] = {local.bucket: bucket, local.key: key}

    def set_image(self, logical_id: str, uri: str) -> None:
        """Let a function be made of this image."""
        properties = self._properties(logical_id)
        if self.resources[logical_id]["Type"] == "AWS::Serverless::Function":
            properties["ImageUri"] = uri
        else:
            properties["Code"] = {"ImageUri": uri}

    def image_functions(self) -> list[str]:
        """The logical ids of functions that are container images."""
        return [
            name
            for name, resource in self.resources.items()
            if resource.get("Type") in _FUNCTIONS and self._property(name, "PackageType") == "Image"
        ]

    def set_body(self, logical_id: str, body: Any) -> None:
        """Let a definition be in the template itself."""
        local = self._local_property(logical_id)
        properties = self._properties(logical_id)
        del properties[local.name]
        properties[local.body] = body

    def set_url(self, logical_id: str, url: str) -> None:
        """Let a nested template be at this address."""
        self._properties(logical_id)[self._local_property(logical_id).name] = url

    def as_json(self) -> str:
        """As CloudFormation takes it."""
        return json.dumps(self.content, default=str)

    def _local_reference(self, logical_id: str) -> LocalReference | None:
        resource = self.resources[logical_id]
        local = _LOCAL_PROPERTIES.get(str(resource.get("Type")))
        if local is None:
            return None
        value = self._property(logical_id, local.name)
        if value is None and local.kind is LocalKind.FUNCTION and self._has_no_other_code(logical_id):
            value = "."  # SAM's default: beside the template
        if not isinstance(value, str) or "://" in value:
            return None
        path = (self.path.parent / value).resolve()
        if not path.exists():
            raise TemplateInvalid(f"{self.path.name}: {local.name} of {logical_id} is {value}, and there is no {path}")
        return LocalReference(logical_id, local.kind, path)

    def _has_no_other_code(self, logical_id: str) -> bool:
        properties, resource = self._properties(logical_id), self.resources[logical_id]
        is_image = self._property(logical_id, "PackageType") == "Image"
        return resource["Type"] == "AWS::Serverless::Function" and "InlineCode" not in properties and not is_image

    def _property(self, logical_id: str, name: str) -> Any:
        resource = self.resources[logical_id]
        value = self._properties(logical_id).get(name)
        if value is None and resource.get("Type") == "AWS::Serverless::Function":
            of_all = self.content.get("Globals", {}).get("Function", {})
            return of_all.get(name) if isinstance(of_all, dict) else None
        return value

    def _properties(self, logical_id: str) -> dict[str, Any]:
        properties = self.resources[logical_id].setdefault("Properties", {})
        if not isinstance(properties, dict):
            raise TemplateInvalid(f"{self.path.name}: Properties of {logical_id} are not a mapping")
        return properties

    def _local_property(self, logical_id: str) -> _LocalProperty:
        return _LOCAL_PROPERTIES[str(self.resources[logical_id]["Type"])]


def find_template(path: Path) -> Path | None:
    """The template that a path is, or that a directory has under one of SAM's names."""
    if path.is_file():
        return path
    return next((path / name for name in TEMPLATE_NAMES if (path / name).is_file()), None)


def read_template(path: Path) -> Template:
    """`TemplateInvalid` with the place of what is wrong."""
    content = read_document(path)
    if not isinstance(content, dict) or not isinstance(content.get("Resources"), dict):
        raise TemplateInvalid(f"{path} is not a template of CloudFormation: it has no Resources")
    if not isinstance(content.get("Globals", {}), dict) or not isinstance(content.get("Parameters", {}), dict):
        raise TemplateInvalid(f"{path}: Globals and Parameters are mappings")
    return Template(path.resolve(), content)


def read_document(path: Path) -> Any:
    """A document in YAML, with CloudFormation's tags in their long form, or in JSON. `TemplateInvalid`."""
    try:
        return parse_document(path.read_text())
    except TemplateInvalid as error:
        raise TemplateInvalid(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateInvalid(f"{path} cannot be read: {error}") from error


def parse_document(text: str) -> Any:
    """As `read_document`, of what has been read. `TemplateInvalid`."""
    try:
        return yaml.load(text, Loader=_CloudFormationLoader)  # noqa: S506 - a SafeLoader, with CloudFormation's tags
    except yaml.YAMLError as error:
        raise TemplateInvalid(str(error)) from error
    except (RecursionError, ValueError) as error:
        raise TemplateInvalid(f"it is nested too deeply, or has a value that YAML does not know ({error})") from error


class _CloudFormationLoader(yaml.SafeLoader):
    """Reads dates as text (`AWSTemplateFormatVersion: 2010-09-09`) and `!Sub x` as `{"Fn::Sub": "x"}`."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _construct_short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html."""
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise yaml.constructor.ConstructorError(None, None, f"!{suffix} of something unknown", node.start_mark)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_CloudFormationLoader.add_multi_constructor("!", _construct_short_form)
