"""Stacks of CloudFormation, made and watched with boto3."""

import json
from typing import Any

from tests.support.server import Server
from tests.support.waiting import eventually

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def settle(server: Server, stack: str) -> dict[str, Any]:
    """A stack as it is described once nothing more is done with it."""
    cloudformation = server.client("cloudformation")

    def found() -> dict[str, Any] | None:
        described: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        return None if described["StackStatus"].endswith("_IN_PROGRESS") else described

    return eventually(found, what=f"the end of the operation on {stack}", within_seconds=120)


def create_stack(server: Server, name: str, template: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    """Make one, and see what becomes of it."""
    stack = server.client("cloudformation").create_stack(StackName=name, TemplateBody=_text(template), Capabilities=CAPABILITIES, **more)
    return settle(server, stack["StackId"])


def update_stack(server: Server, name: str, template: str | dict[str, Any], **more: Any) -> dict[str, Any]:
    """Change one, and see what becomes of it."""
    server.client("cloudformation").update_stack(StackName=name, TemplateBody=_text(template), Capabilities=CAPABILITIES, **more)
    return settle(server, name)


def delete_stack(server: Server, name: str) -> dict[str, Any]:
    """Delete one, and see what becomes of it."""
    cloudformation = server.client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=name)
    return settle(server, stack_id)


def outputs_of(stack: dict[str, Any]) -> dict[str, str]:
    """Its outputs by key; AssertionError if it is not complete."""
    assert stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}, stack
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def history_of(server: Server, stack: str) -> list[tuple[str, str]]:
    """What became of which resource, from the first event on."""
    pages = server.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    return [(event["LogicalResourceId"], event["ResourceStatus"]) for page in pages for event in page["StackEvents"]][::-1]


def reason_of(server: Server, stack: str, resource: str) -> str:
    """Why a resource failed last."""
    pages = server.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    for event in (event for page in pages for event in page["StackEvents"]):
        if event["LogicalResourceId"] == resource and event["ResourceStatus"].endswith("_FAILED"):
            return str(event["ResourceStatusReason"])
    raise AssertionError(f"{resource} has not failed")


def _text(template: str | dict[str, Any]) -> str:
    return template if isinstance(template, str) else json.dumps(template)
