"""What names in a stack's template stand for, once its resources are there."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from alonzo.companion.cloudformation.clients import Clients
from alonzo.companion.cloudformation.errors import ResourceFailed, ValidationError
from alonzo.companion.cloudformation.intrinsics import Evaluator
from alonzo.companion.cloudformation.records import Source, Stack, StackResource
from alonzo.companion.cloudformation.resources.moto_model import attribute_of

FindExport = Callable[[str], str | None]


class StackReferences:
    """`References` of a stack. `resources`: where they are looked up; `find_export`: those of other stacks."""

    def __init__(self, *, stack: Stack, resources: Mapping[str, StackResource], clients: Clients, find_export: FindExport) -> None:
        self._stack = stack
        self._resources = resources
        self._clients = clients
        self._find_export = find_export
        self.imports: set[str] = set()

    def ref(self, logical_id: str) -> Any:
        """The physical id."""
        return self._find(logical_id).physical_id

    def attribute(self, logical_id: str, name: str) -> Any:
        """As its provider has said."""
        resource = self._find(logical_id)
        found = attribute_in(resource.attributes, name)
        if found is not None:
            return found
        if resource.handle is not None:
            try:
                return attribute_of(resource.handle, name)
            except ResourceFailed:
                pass
        raise ValidationError(f"Template error: resource {logical_id} does not support attribute type {name} in Fn::GetAtt")

    def imported(self, name: str) -> str:
        """Of a stack in the same account and region."""
        value = self._find_export(name)
        if value is None:
            raise ValidationError(f"No export named {name} found.")
        self.imports.add(name)
        return value

    def dynamic(self, service: str, reference: str) -> str:
        """Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html."""
        if service != "secretsmanager":
            return stored_parameter(self._clients, self._stack, reference)
        secret, _, rest = reference.partition(":SecretString")
        key, stage, version = [*rest.lstrip(":").split(":"), "", "", ""][:3]
        parameters = {"VersionStage": stage} if stage else {}
        parameters |= {"VersionId": version} if version else {}
        client = self._clients.client("secretsmanager", account_id=self._stack.account_id, region=self._stack.region)
        text: str = client.get_secret_value(SecretId=secret, **parameters)["SecretString"]
        if not key:
            return text
        try:
            return str(json.loads(text)[key])
        except (ValueError, KeyError, TypeError):
            raise ValidationError(f"Could not find a value associated with JSONKey in SecretString ({secret}: {key})") from None

    def _find(self, logical_id: str) -> StackResource:
        resource = self._resources.get(logical_id)
        if resource is None:
            raise ValidationError(f"Template format error: Unresolved resource dependencies [{logical_id}] in the template")
        return resource


def attribute_in(attributes: Mapping[str, Any], name: str) -> Any:
    """Also `Outer.Inner`, whether that is one name or two; None if there is none."""
    if name in attributes:
        return attributes[name]
    outer, _, inner = name.partition(".")
    value = attributes.get(outer)
    return value.get(inner) if inner and isinstance(value, Mapping) else None


def stored_parameter(clients: Clients, stack: Stack, name: str) -> str:
    """A value of the parameter store, `NAME` or `NAME:VERSION`."""
    client = clients.client("ssm", account_id=stack.account_id, region=stack.region)
    try:
        return str(client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
    except client.exceptions.ParameterNotFound:
        raise ValidationError(f"Unable to fetch parameters [{name}] from parameter store for this account.") from None


def evaluator_of(stack: Stack, source: Source, references: Any) -> Evaluator:
    """For the template of a stack."""
    pseudo = {
        "AWS::AccountId": stack.account_id,
        "AWS::NotificationARNs": stack.options.notification_arns,
        "AWS::Partition": "aws",
        "AWS::Region": stack.region,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }
    return Evaluator(template=source.template, parameters=source.values, pseudo=pseudo, references=references)
