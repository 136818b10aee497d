"""`AWS::StepFunctions::StateMachine`.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html.
"""

import json
from typing import Any

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.provider import Existing, Made, Wanted, changed
from alonzo.companion.cloudformation.resources.rest_api import read_from_s3
from alonzo.companion.cloudformation.shapes import parameters_of

_DEFINITION = frozenset({"Definition", "DefinitionS3Location", "DefinitionString", "DefinitionSubstitutions"})
_RENAMED = {"StateMachineName": "Name", "StateMachineType": "Type"}


class StateMachineProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """With its definition."""
        client = wanted.client("stepfunctions")
        properties = {_RENAMED.get(name, name): value for name, value in wanted.properties.items() if name not in _DEFINITION}
        properties.setdefault("Name", wanted.new_name(longest=80))
        tags = [{"key": tag["Key"], "value": str(tag["Value"])} for tag in properties.pop("Tags", ())]
        parameters = parameters_of(client, "create_state_machine", {**properties, "Definition": _definition(wanted)})
        return _made(client.create_state_machine(**parameters, tags=tags)["stateMachineArn"])

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Name and type stay."""
        return changed(wanted, existing, "StateMachineName", "StateMachineType")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Executions that have begun go on with what they have begun with."""
        client, properties = wanted.client("stepfunctions"), wanted.properties
        settings = {name: properties[name] for name in ("LoggingConfiguration", "RoleArn", "TracingConfiguration") if name in properties}
        some = {"StateMachineArn": existing.physical_id, "Definition": _definition(wanted), **settings}
        client.update_state_machine(**parameters_of(client, "update_state_machine", some))
        return _made(existing.physical_id)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With its executions."""
        client = wanted.client("stepfunctions")
        try:
            client.delete_state_machine(stateMachineArn=existing.physical_id)
        except client.exceptions.StateMachineDoesNotExist:
            return


def _definition(wanted: Wanted) -> str:
    properties = wanted.properties
    found: Any = properties.get("DefinitionString") or properties.get("Definition")
    if "DefinitionS3Location" in properties:
        found = read_from_s3(wanted, properties["DefinitionS3Location"])
    if not found:
        raise ResourceFailed("One of Definition, DefinitionString and DefinitionS3Location must be given.")
    text = found if isinstance(found, str) else json.dumps(found)
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        quoted = json.dumps(value)[1:-1] if isinstance(value, str) else json.dumps(value)
        text = text.replace("${" + name + "}", quoted)
    return text


def _made(arn: str) -> Made:
    return Made(physical_id=arn, attributes={"Arn": arn, "Name": arn.rpartition(":")[2]})
