"""What belongs to functions: versions, aliases, layers, permissions, mappings, URLs.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html.
"""

from collections.abc import Mapping
from typing import Any

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.api_resource import ApiResource, Parameters
from alonzo.companion.cloudformation.resources.function import FunctionProvider
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Provider, Wanted, changed
from alonzo.companion.cloudformation.shapes import parameters_of

_PROVISIONED = "ProvisionedConcurrencyConfig"
_ARN_ELEMENTS_QUALIFIED = 8


class VersionProvider:
    """A `Provider`: a version is what was published once; all changes make another one."""

    def create(self, wanted: Wanted) -> Made:
        """Publish, with provisioned concurrency if it is to have some."""
        client = wanted.client("lambda")
        properties = wanted.properties
        parameters = {name: properties[name] for name in ("CodeSha256", "Description", "FunctionName") if name in properties}
        version = client.publish_version(**parameters)
        attributes = {"Version": version["Version"], "FunctionArn": version["FunctionArn"]}
        made = Made(physical_id=version["FunctionArn"], attributes=attributes)
        if _PROVISIONED in properties:
            _provision(client, version["FunctionName"], version["Version"], properties, made)
        return made

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Always."""
        return True

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Never asked for."""
        raise ResourceFailed("Versions are not changed.")

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Of a function that may be gone with all its versions."""
        client = wanted.client("lambda")
        try:
            client.delete_function(FunctionName=existing.physical_id)
        except client.exceptions.ResourceNotFoundException:
            return


class AliasProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """With provisioned concurrency if it is to have some."""
        client = wanted.client("lambda")
        alias = client.create_alias(**_alias_parameters(wanted.properties))
        made = _made_of_alias(alias)
        if _PROVISIONED in wanted.properties:
            _provision(client, wanted.properties["FunctionName"], wanted.properties["Name"], wanted.properties, made)
        return made

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """An alias of another name or function is another one."""
        return changed(wanted, existing, "FunctionName", "Name")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """To another version, say."""
        client, properties = wanted.client("lambda"), wanted.properties
        alias = client.update_alias(**{"Description": "", "RoutingConfig": {}, **_alias_parameters(properties)})
        made = _made_of_alias(alias)
        if _PROVISIONED in properties and properties.get(_PROVISIONED) != existing.properties.get(_PROVISIONED):
            _provision(client, properties["FunctionName"], properties["Name"], properties, made)
        if _PROVISIONED in existing.properties and _PROVISIONED not in properties:
            client.delete_provisioned_concurrency_config(FunctionName=properties["FunctionName"], Qualifier=properties["Name"])
        return made

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Of a function that may be gone already."""
        client = wanted.client("lambda")
        try:
            client.delete_alias(FunctionName=existing.properties["FunctionName"], Name=existing.properties["Name"])
        except client.exceptions.ResourceNotFoundException:
            return


class LayerVersionProvider:
    """A `Provider`: all changes make another version."""

    def create(self, wanted: Wanted) -> Made:
        """Publish."""
        client = wanted.client("lambda")
        properties = {"LayerName": wanted.new_name(), **wanted.properties}
        layer = client.publish_layer_version(**parameters_of(client, "publish_layer_version", properties))
        return Made(physical_id=layer["LayerVersionArn"], attributes={"LayerVersionArn": layer["LayerVersionArn"]})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Always."""
        return True

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Never asked for."""
        raise ResourceFailed("Versions of layers are not changed.")

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Functions that have it keep it."""
        layer, version = _layer_and_version(existing.physical_id)
        wanted.client("lambda").delete_layer_version(LayerName=layer, VersionNumber=version)


class UrlProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """Of a function or an alias."""
        return self._set(wanted, "create_function_url_config")

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """The URL of another function is another one."""
        return changed(wanted, existing, "TargetFunctionArn", "Qualifier")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """The URL stays."""
        return self._set(wanted, "update_function_url_config")

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Of a function that may be gone already."""
        client = wanted.client("lambda")
        try:
            client.delete_function_url_config(**_url_of(existing.properties))
        except client.exceptions.ResourceNotFoundException:
            return

    def _set(self, wanted: Wanted, operation: str) -> Made:
        client = wanted.client("lambda")
        parameters = parameters_of(client, operation, wanted.properties, ignore=frozenset({"TargetFunctionArn", "Qualifier"}))
        answer = getattr(client, operation)(**_url_of(wanted.properties), **parameters)
        return Made(
            physical_id=answer["FunctionArn"],
            attributes={"FunctionArn": answer["FunctionArn"], "FunctionUrl": answer["FunctionUrl"]},
        )


def _alias_parameters(properties: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {name: properties[name] for name in ("Description", "FunctionName", "FunctionVersion", "Name") if name in properties}
    weights = properties.get("RoutingConfig", {}).get("AdditionalVersionWeights", [])
    if weights:
        parameters["RoutingConfig"] = {
            "AdditionalVersionWeights": {weight["FunctionVersion"]: float(weight["FunctionWeight"]) for weight in weights}
        }
    return parameters


def _made_of_alias(alias: Mapping[str, Any]) -> Made:
    return Made(physical_id=alias["AliasArn"], attributes={"AliasArn": alias["AliasArn"]})


def _provision(client: Any, function: str, qualifier: str, properties: Mapping[str, Any], made: Made) -> None:
    count = int(properties[_PROVISIONED]["ProvisionedConcurrentExecutions"])
    try:
        client.put_provisioned_concurrency_config(FunctionName=function, Qualifier=qualifier, ProvisionedConcurrentExecutions=count)
    except client.exceptions.ClientError as error:
        raise PartlyMade(str(error.response["Error"]["Message"]), made) from error


def _prepare_mapping(_: Wanted, parameters: Parameters) -> None:
    position = parameters.get("StartingPositionTimestamp")
    if position is not None:
        parameters["StartingPositionTimestamp"] = float(position)


class PermissionProvider:
    """A `Provider`: a statement in the policy of a function, a version or an alias, or of a version of a layer."""

    def __init__(self, *, of_layer: bool) -> None:
        self._of_layer = of_layer

    def create(self, wanted: Wanted) -> Made:
        """Add the statement, with an id of its own."""
        client, properties = wanted.client("lambda"), dict(wanted.properties)
        statement = wanted.new_name(longest=100)
        if self._of_layer:
            layer, version = _layer_and_version(str(properties.pop("LayerVersionArn")))
            client.add_layer_version_permission(LayerName=layer, VersionNumber=version, StatementId=statement, **properties)
            return Made(physical_id=f"{wanted.properties['LayerVersionArn']}#{statement}", attributes={"Id": statement}, handle=None)
        function, qualifier = _function_and_qualifier(str(properties.pop("FunctionName")))
        if "InvokedViaFunctionUrl" in properties:
            properties["InvokedViaFunctionUrl"] = str(properties["InvokedViaFunctionUrl"]).lower() == "true"
        client.add_permission(FunctionName=function, StatementId=statement, **qualifier, **properties)
        return Made(physical_id=statement, attributes={"Id": statement})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Always."""
        return True

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Never asked for."""
        raise ResourceFailed("Statements are not changed.")

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """From a policy that may be gone with its function."""
        client, statement = wanted.client("lambda"), existing.attributes["Id"]
        try:
            if self._of_layer:
                layer, version = _layer_and_version(str(existing.properties["LayerVersionArn"]))
                client.remove_layer_version_permission(LayerName=layer, VersionNumber=version, StatementId=statement)
            else:
                function, qualifier = _function_and_qualifier(str(existing.properties["FunctionName"]))
                client.remove_permission(FunctionName=function, StatementId=statement, **qualifier)
        except client.exceptions.ResourceNotFoundException:
            return


def _function_and_qualifier(name: str) -> tuple[str, dict[str, str]]:
    elements = name.split(":")
    if elements[0] == "arn" and len(elements) == _ARN_ELEMENTS_QUALIFIED:
        return ":".join(elements[:-1]), {"Qualifier": elements[-1]}
    if elements[0] != "arn" and len(elements) == 2:  # noqa: PLR2004 - name and qualifier
        return elements[0], {"Qualifier": elements[1]}
    return name, {}


def _url_of(properties: Mapping[str, Any]) -> dict[str, str]:
    function, qualifier = _function_and_qualifier(str(properties["TargetFunctionArn"]))
    return {"FunctionName": function, **qualifier, **({"Qualifier": properties["Qualifier"]} if "Qualifier" in properties else {})}


def _layer_and_version(arn: str) -> tuple[str, int]:
    layer, _, version = arn.rpartition(":")
    return layer, int(version)


def lambda_providers() -> dict[str, Provider]:
    """By type."""
    return {
        "AWS::Lambda::Alias": AliasProvider(),
        "AWS::Lambda::CodeSigningConfig": ApiResource(
            service="lambda",
            create_operation="create_code_signing_config",
            physical_id="response.CodeSigningConfig.CodeSigningConfigArn",
            identity={"CodeSigningConfigArn": "id"},
            update_operation="update_code_signing_config",
            delete_operation="delete_code_signing_config",
            creation_only=frozenset({"Tags"}),
            attributes={"CodeSigningConfigArn": "id", "CodeSigningConfigId": "response.CodeSigningConfig.CodeSigningConfigId"},
        ),
        "AWS::Lambda::EventInvokeConfig": ApiResource(
            service="lambda",
            create_operation="put_function_event_invoke_config",
            physical_id="join('|', [properties.FunctionName, properties.Qualifier])",
            identity={"FunctionName": "properties.FunctionName", "Qualifier": "properties.Qualifier"},
            update_operation="put_function_event_invoke_config",
            delete_operation="delete_function_event_invoke_config",
            replaced_by=frozenset({"FunctionName", "Qualifier"}),
        ),
        "AWS::Lambda::EventSourceMapping": ApiResource(
            service="lambda",
            create_operation="create_event_source_mapping",
            physical_id="response.UUID",
            identity={"UUID": "id"},
            update_operation="update_event_source_mapping",
            delete_operation="delete_event_source_mapping",
            attributes={"Id": "id", "EventSourceMappingArn": "response.EventSourceMappingArn"},
            replaced_by=frozenset({"EventSourceArn", "SelfManagedEventSource", "StartingPosition", "StartingPositionTimestamp"}),
            creation_only=frozenset(
                {"AmazonManagedKafkaEventSourceConfig", "Queues", "SelfManagedKafkaEventSourceConfig", "Tags", "Topics"}
            ),
            prepare=_prepare_mapping,
        ),
        "AWS::Lambda::Function": FunctionProvider(),
        "AWS::Lambda::LayerVersion": LayerVersionProvider(),
        "AWS::Lambda::LayerVersionPermission": PermissionProvider(of_layer=True),
        "AWS::Lambda::Permission": PermissionProvider(of_layer=False),
        "AWS::Lambda::Url": UrlProvider(),
        "AWS::Lambda::Version": VersionProvider(),
    }
