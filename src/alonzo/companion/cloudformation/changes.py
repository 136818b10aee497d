"""What a new template would change in a stack, as change sets say it.

Names that are not known before resources are made stand for something that is surely another one.
"""

from typing import Any

import botocore.exceptions

from alonzo.companion.cloudformation.clients import Clients
from alonzo.companion.cloudformation.errors import ResourceFailed, ValidationError
from alonzo.companion.cloudformation.intrinsics import Evaluator
from alonzo.companion.cloudformation.ordering import in_order, needs_of
from alonzo.companion.cloudformation.records import Change, Options, Source, Stack, StackResource
from alonzo.companion.cloudformation.references import FindExport, StackReferences, evaluator_of
from alonzo.companion.cloudformation.resources.catalog import find_provider
from alonzo.companion.cloudformation.resources.provider import Existing, Wanted

_METADATA = ("DeletionPolicy", "Metadata", "UpdateReplacePolicy")


class _Unknown(str):
    """In the place of a value that is not known yet."""

    __slots__ = ()


class _Planned(StackReferences):
    """References to what is there, and will stay."""

    def __init__(self, *, stack: Stack, clients: Clients, find_export: FindExport) -> None:
        super().__init__(stack=stack, resources=stack.resources, clients=clients, find_export=find_export)
        self.moving: set[str] = set()

    def ref(self, logical_id: str) -> Any:
        return _Unknown(f"<{logical_id}>") if logical_id in self.moving else super().ref(logical_id)

    def attribute(self, logical_id: str, name: str) -> Any:
        return _Unknown(f"<{logical_id}.{name}>") if logical_id in self.moving else super().attribute(logical_id, name)


def changes_of(stack: Stack, source: Source, options: Options, clients: Clients, find_export: FindExport) -> list[Change]:
    """In the order in which they would be made; empty if nothing at all would change. Raises ValidationError."""
    references = _Planned(stack=stack, clients=clients, find_export=find_export)
    evaluator = evaluator_of(stack, source, references)
    definitions, needs = source.template["Resources"], needs_of(source.template)
    names = [name for name, definition in definitions.items() if evaluator.applies(definition)]
    changes = []
    for name in in_order(names, lambda name: needs[name]):
        definition = definitions[name]
        before = stack.resources.get(name)
        if before is None:
            references.moving.add(name)
            changes.append(Change(action="Add", logical_id=name, physical_id=None, type=definition["Type"], replacement=None, scope=[]))
            continue
        change = _modification(before, definition, evaluator, stack, clients)
        if change is not None:
            if change.replacement != "False":
                references.moving.add(name)
            changes.append(change)
    gone = [name for name in stack.resources if name not in names]
    changes += [
        Change(
            action="Remove", logical_id=name, physical_id=stack.resources[name].physical_id, type=stack.resources[name].type,
            replacement=None, scope=[],
        )
        for name in gone
    ]  # fmt: skip
    if not changes and not _others_change(stack, source, options):
        return []
    return changes or [Change(action="Modify", logical_id=stack.name, physical_id=stack.id, type="AWS::CloudFormation::Stack",
                              replacement="False", scope=["Properties"])]  # fmt: skip


def _modification(before: StackResource, definition: dict[str, Any], evaluator: Evaluator, stack: Stack, clients: Clients) -> Change | None:
    scope = []
    try:
        properties = evaluator.value(definition.get("Properties", {}))
    except (ValidationError, botocore.exceptions.ClientError):
        properties = None  # what can be told when its time has come, or fails then
    if properties != before.properties:
        scope.append("Properties")
    if any(definition.get(part) != before.definition.get(part) for part in _METADATA):
        scope.append("Metadata")
    if not scope and before.type == definition["Type"]:
        return None
    replacement = "False"
    if before.type != definition["Type"]:
        replacement = "True"
    elif "Properties" in scope:
        replacement = _replacement(before, properties, stack, clients)
    return Change(
        action="Modify",
        logical_id=before.logical_id,
        physical_id=before.physical_id,
        type=definition["Type"],
        replacement=replacement,
        scope=scope,
    )


def _replacement(before: StackResource, properties: dict[str, Any] | None, stack: Stack, clients: Clients) -> str:
    provider = find_provider(before.type)
    if provider is None or properties is None:
        return "Conditional"
    wanted = Wanted(
        logical_id=before.logical_id,
        type=before.type,
        properties=properties,
        stack_id=stack.id,
        stack_name=stack.name,
        stack_tags={},
        account_id=stack.account_id,
        region=stack.region,
        clients=clients,
    )
    existing = Existing(physical_id=before.physical_id, properties=before.properties, attributes=before.attributes, handle=before.handle)
    try:
        return "True" if provider.replaces(wanted, existing) else "False"
    except ResourceFailed:
        return "Conditional"


def _others_change(stack: Stack, source: Source, options: Options) -> bool:
    """Outputs, or tags."""
    if stack.source is None:
        return True
    return source.template.get("Outputs") != stack.source.template.get("Outputs") or options.tags != stack.options.tags
