"""Stacks, events, resources and change sets, as the API describes them."""

import json
from typing import Any

from alonzo.companion.cloudformation.records import Change, ChangeSet, Stack, StackEvent, StackResource
from alonzo.companion.cloudformation.transforms import transforms_of

_HIDDEN = "****"


def describe_stack(stack: Stack) -> dict[str, Any]:
    """For DescribeStacks."""
    template = {} if stack.source is None else stack.source.template
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.change_set_id,
        "Description": template.get("Description"),
        "Parameters": _parameters(stack),
        "CreationTime": stack.created_at,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at if stack.status == "DELETE_COMPLETE" else None,
        "RollbackConfiguration": {},
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DisableRollback": stack.options.on_failure == "DO_NOTHING",
        "NotificationARNs": stack.options.notification_arns,
        "TimeoutInMinutes": stack.options.timeout_minutes,
        "Capabilities": stack.options.capabilities,
        "Outputs": [
            {"OutputKey": output.key, "OutputValue": output.value, "Description": output.description, "ExportName": output.export_name}
            for output in stack.outputs
        ],
        "RoleARN": stack.options.role_arn,
        "Tags": [{"Key": key, "Value": value} for key, value in stack.options.tags.items()],
        "EnableTerminationProtection": stack.is_protected,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def summarize_stack(stack: Stack) -> dict[str, Any]:
    """For ListStacks."""
    described = describe_stack(stack)
    names = (
        "StackId",
        "StackName",
        "CreationTime",
        "LastUpdatedTime",
        "DeletionTime",
        "StackStatus",
        "StackStatusReason",
        "DriftInformation",
    )
    return {**{name: described[name] for name in names}, "TemplateDescription": described["Description"]}


def event_of(stack: Stack, event: StackEvent) -> dict[str, Any]:
    """For DescribeStackEvents."""
    return {
        "StackId": stack.id,
        "EventId": event.id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.timestamp,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceProperties": event.properties,
        "ClientRequestToken": event.token,
    }


def resource_detail(stack: Stack, resource: StackResource) -> dict[str, Any]:
    """For DescribeStackResource and DescribeStackResources."""
    metadata = resource.definition.get("Metadata")
    return {
        "StackName": stack.name,
        "StackId": stack.id,
        **summarize_resource(resource),
        "Timestamp": resource.updated_at,
        "Metadata": None if metadata is None else json.dumps(metadata, default=str),
    }


def summarize_resource(resource: StackResource) -> dict[str, Any]:
    """For ListStackResources."""
    return {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id or None,
        "ResourceType": resource.type,
        "LastUpdatedTimestamp": resource.updated_at,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def describe_change_set(change_set: ChangeSet, stack: Stack) -> dict[str, Any]:
    """For DescribeChangeSet and ListChangeSets, but for its changes."""
    parameters = {} if change_set.source is None else change_set.source.parameters
    return {
        "ChangeSetName": change_set.name,
        "ChangeSetId": change_set.id,
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": change_set.description,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "CreationTime": change_set.created_at,
        "ExecutionStatus": change_set.execution_status,
        "Status": change_set.status,
        "StatusReason": change_set.reason,
        "NotificationARNs": change_set.options.notification_arns,
        "Capabilities": change_set.options.capabilities,
        "Tags": [{"Key": key, "Value": value} for key, value in change_set.options.tags.items()],
        "IncludeNestedStacks": False,
    }


def change_of(change: Change) -> dict[str, Any]:
    """For DescribeChangeSet."""
    described = {
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id,
        "ResourceType": change.type,
        "Replacement": change.replacement,
        "Scope": change.scope,
        "Details": [],
    }
    return {"Type": "Resource", "ResourceChange": described}


def summarize_template(template: dict[str, Any]) -> dict[str, Any]:
    """For GetTemplateSummary and ValidateTemplate."""
    kinds = [str(resource.get("Type")) for resource in template.get("Resources", {}).values() if isinstance(resource, dict)]
    with_iam = any(kind.startswith("AWS::IAM::") for kind in kinds)
    transforms = transforms_of(template)
    capabilities = (["CAPABILITY_IAM"] if with_iam else []) + (["CAPABILITY_AUTO_EXPAND"] if transforms else [])
    summary = {
        "Parameters": [_parameter_of(name, definition) for name, definition in template.get("Parameters", {}).items()],
        "Description": template.get("Description"),
        "Capabilities": capabilities,
        "CapabilitiesReason": f"The following resource(s) require capabilities: {sorted(set(kinds))}" if capabilities else None,
        "ResourceTypes": sorted(set(kinds)),
        "Version": template.get("AWSTemplateFormatVersion"),
        "DeclaredTransforms": transforms,
    }
    return {name: value for name, value in summary.items() if value is not None}


def _parameter_of(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    constraints = {"AllowedValues": [str(value) for value in definition["AllowedValues"]]} if "AllowedValues" in definition else {}
    described = {
        "ParameterKey": name,
        "ParameterType": definition.get("Type", "String"),
        "NoEcho": str(definition.get("NoEcho", False)).lower() == "true",
        "Description": definition.get("Description"),
        "DefaultValue": None if "Default" not in definition else str(definition["Default"]),
        "ParameterConstraints": constraints,
    }
    return {key: value for key, value in described.items() if value is not None}


def _parameters(stack: Stack) -> list[dict[str, Any]]:
    if stack.source is None:
        return []
    definitions = stack.source.template.get("Parameters", {})
    described = []
    for key, text in stack.source.parameters.items():
        hidden = str(definitions[key].get("NoEcho", False)).lower() == "true"
        value: dict[str, Any] = {"ParameterKey": key, "ParameterValue": _HIDDEN if hidden else text}
        if str(definitions[key]["Type"]).startswith("AWS::SSM::"):
            resolved = stack.source.values[key]
            value["ResolvedValue"] = ",".join(resolved) if isinstance(resolved, list) else resolved
        described.append(value)
    return described
