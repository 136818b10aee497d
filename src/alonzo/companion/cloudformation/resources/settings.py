"""Parameters and secrets.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SSM.html, and its neighbours.
"""

import json
from typing import Any

from alonzo.companion.cloudformation.resources.api_resource import ApiResource
from alonzo.companion.cloudformation.resources.provider import Existing, Made, Provider, Wanted, changed
from alonzo.companion.cloudformation.shapes import parameters_of


class ParameterProvider:
    """A `Provider` of parameters of the store."""

    def create(self, wanted: Wanted) -> Made:
        """Under a name that nobody has."""
        return self._put(wanted, str(wanted.properties.get("Name") or wanted.new_name()), overwrites=False)

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Of another name it is another one."""
        return changed(wanted, existing, "Name")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """By another version."""
        return self._put(wanted, existing.physical_id, overwrites=True)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With all versions."""
        client = wanted.client("ssm")
        try:
            client.delete_parameter(Name=existing.physical_id)
        except client.exceptions.ParameterNotFound:
            return

    def _put(self, wanted: Wanted, name: str, *, overwrites: bool) -> Made:
        client = wanted.client("ssm")
        properties = {key: value for key, value in wanted.properties.items() if key != "Tags"}
        tags = wanted.properties.get("Tags", {})
        parameters = parameters_of(client, "put_parameter", {**properties, "Name": name, "Overwrite": overwrites})
        if tags and not overwrites:
            parameters["Tags"] = [{"Key": key, "Value": str(value)} for key, value in tags.items()]
        client.put_parameter(**parameters)
        return Made(physical_id=name, attributes={"Type": properties["Type"], "Value": properties["Value"]})


class SecretProvider:
    """A `Provider` of secrets, which may be made up."""

    def create(self, wanted: Wanted) -> Made:
        """With its first value."""
        client, properties = wanted.client("secretsmanager"), dict(wanted.properties)
        properties.setdefault("Name", wanted.new_name())
        generated = properties.pop("GenerateSecretString", None)
        if generated is not None:
            properties["SecretString"] = _generate(client, generated)
        arn = client.create_secret(**parameters_of(client, "create_secret", properties))["ARN"]
        return Made(physical_id=arn, attributes={"Id": arn})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Of another name it is another one."""
        return changed(wanted, existing, "Name")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """What was made up stays as long as it is made up in the same way."""
        client, properties = wanted.client("secretsmanager"), wanted.properties
        some: dict[str, Any] = {name: properties[name] for name in ("Description", "KmsKeyId", "SecretString") if name in properties}
        if "GenerateSecretString" in properties and changed(wanted, existing, "GenerateSecretString"):
            some["SecretString"] = _generate(client, properties["GenerateSecretString"])
        client.update_secret(SecretId=existing.physical_id, **some)
        return Made(physical_id=existing.physical_id, attributes=existing.attributes)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """At once: the stack cannot bring it back."""
        client = wanted.client("secretsmanager")
        try:
            client.delete_secret(SecretId=existing.physical_id, ForceDeleteWithoutRecovery=True)
        except client.exceptions.ResourceNotFoundException:
            return


def settings_providers() -> dict[str, Provider]:
    """By type."""
    return {
        "AWS::SSM::Parameter": ParameterProvider(),
        "AWS::SecretsManager::RotationSchedule": ApiResource(
            service="secretsmanager",
            create_operation="rotate_secret",
            physical_id="response.ARN",
            identity={"SecretId": "properties.SecretId"},
            update_operation="rotate_secret",
            delete_operation="cancel_rotate_secret",
            replaced_by=frozenset({"SecretId"}),
            renamed={"RotateImmediatelyOnUpdate": "RotateImmediately"},
        ),
        "AWS::SecretsManager::Secret": SecretProvider(),
    }


def _generate(client: Any, how: dict[str, Any]) -> str:
    rest = {name: value for name, value in how.items() if name not in {"GenerateStringKey", "SecretStringTemplate"}}
    made = str(client.get_random_password(**parameters_of(client, "get_random_password", rest))["RandomPassword"])
    if "GenerateStringKey" not in how:
        return made
    return json.dumps({**json.loads(how.get("SecretStringTemplate", "{}")), how["GenerateStringKey"]: made})
