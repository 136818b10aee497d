"""Stacks within stacks, and what stands for nothing."""

import time
from typing import Any

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.nothing import NothingProvider
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Provider, Wanted

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_PAUSE_SECONDS = 0.1


class NestedStackProvider:
    """A `Provider`: a stack of its own, named after the one that it is in."""

    def create(self, wanted: Wanted) -> Made:
        """And wait until it is complete."""
        client = wanted.client("cloudformation")
        created = client.create_stack(
            StackName=wanted.new_name(longest=128), DisableRollback=False, Capabilities=_CAPABILITIES, **_parameters(wanted)
        )
        return _made(client, created["StackId"], "CREATE_COMPLETE")

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Never."""
        return False

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Another template may be the same: then there is nothing to do."""
        client = wanted.client("cloudformation")
        try:
            client.update_stack(StackName=existing.physical_id, Capabilities=_CAPABILITIES, **_parameters(wanted))
        except client.exceptions.ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
        return _made(client, existing.physical_id, "_COMPLETE")

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """And wait until it is gone."""
        client = wanted.client("cloudformation")
        client.delete_stack(StackName=existing.physical_id)
        status, reason = _wait(client, existing.physical_id)
        if status["StackStatus"] != "DELETE_COMPLETE":
            raise ResourceFailed(f"Embedded stack {existing.physical_id} was not successfully deleted: {reason}")


def stack_providers() -> dict[str, Provider]:
    """By type."""
    return {
        "AWS::CDK::Metadata": NothingProvider(),
        "AWS::CloudFormation::Stack": NestedStackProvider(),
        "AWS::CloudFormation::WaitConditionHandle": NothingProvider(),
    }


def _parameters(wanted: Wanted) -> dict[str, Any]:
    properties = wanted.properties
    return {
        "TemplateURL": properties["TemplateURL"],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": ",".join(value) if isinstance(value, list) else str(value)}
            for key, value in properties.get("Parameters", {}).items()
        ],
        "Tags": properties.get("Tags", []),
        "NotificationARNs": properties.get("NotificationARNs", []),
    }


def _made(client: Any, stack_id: str, wanted_status: str) -> Made:
    stack, reason = _wait(client, stack_id)
    status = stack["StackStatus"]
    made = Made(
        physical_id=stack_id, attributes={f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in stack.get("Outputs", [])}
    )
    if not status.endswith(wanted_status) or "ROLLBACK" in status:
        raise PartlyMade(f"Embedded stack {stack_id} was not successfully created or updated: {reason}", made)
    return made


def _wait(client: Any, stack_id: str) -> tuple[dict[str, Any], str]:
    while True:
        stack: dict[str, Any] = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack, stack.get("StackStatusReason", "")
        time.sleep(_PAUSE_SECONDS)
