"""API Gateway's REST APIs: the API itself is made of a document, or of the resources beside it.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGateway.html.
"""

import json
from collections.abc import Mapping
from typing import Any

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.api_resource import ApiResource, Parameters
from alonzo.companion.cloudformation.resources.nothing import NothingProvider
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Provider, Wanted, changed, is_missing
from alonzo.companion.cloudformation.shapes import parameters_of

_FROM_DOCUMENT = frozenset({"Body", "BodyS3Location", "FailOnWarnings", "Mode", "Parameters"})
_IGNORED = frozenset({*_FROM_DOCUMENT, "CloneFrom", "Tags"})
_OF_API = {"restApiId": "properties.RestApiId"}


class RestApiProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """And what its document says."""
        client, properties = wanted.client("apigateway"), dict(wanted.properties)
        document = _document(wanted)
        properties.setdefault("Name", (document or {}).get("info", {}).get("title") or wanted.new_name())
        tags = {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags", ())}
        parameters = parameters_of(client, "create_rest_api", properties, ignore=_IGNORED)
        api = client.create_rest_api(**parameters, **({"tags": tags} if tags else {}))
        made = _made(client, api["id"])
        try:
            _put_document(client, api["id"], document)
        except client.exceptions.ClientError as error:
            raise PartlyMade(str(error), made) from error
        return _made(client, api["id"])

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Never."""
        return False

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Its document, and its name and description."""
        client, api = wanted.client("apigateway"), existing.physical_id
        patches = [
            {"op": "replace", "path": f"/{name.lower()}", "value": str(wanted.properties.get(name, ""))}
            for name in ("Name", "Description")
            if changed(wanted, existing, name) and wanted.properties.get(name)
        ]
        if patches:
            client.update_rest_api(restApiId=api, patchOperations=patches)
        _put_document(client, api, _document(wanted))
        return _made(client, api)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With all that is in it."""
        client = wanted.client("apigateway")
        try:
            client.delete_rest_api(restApiId=existing.physical_id)
        except client.exceptions.NotFoundException:
            return


class MethodProvider:
    """A `Provider` of a method with its integration and responses."""

    def create(self, wanted: Wanted) -> Made:
        """The method first."""
        client, properties = wanted.client("apigateway"), wanted.properties
        place = {"RestApiId": properties["RestApiId"], "ResourceId": properties["ResourceId"], "HttpMethod": properties["HttpMethod"]}
        ignored = frozenset({"Integration", "MethodResponses"})
        method = {"AuthorizationType": "NONE", **properties}
        client.put_method(**parameters_of(client, "put_method", method, ignore=ignored))
        for response in properties.get("MethodResponses", []):
            client.put_method_response(**parameters_of(client, "put_method_response", {**place, **response}))
        integration = dict(properties.get("Integration", {}))
        if integration:
            responses = integration.pop("IntegrationResponses", [])
            if "IntegrationHttpMethod" in integration:
                integration["integrationHttpMethod"] = integration.pop("IntegrationHttpMethod")
            client.put_integration(**parameters_of(client, "put_integration", {**place, **integration}))
            for response in responses:
                client.put_integration_response(**parameters_of(client, "put_integration_response", {**place, **response}))
        return Made(physical_id="-".join([*map(str, place.values())]))

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """At another place it is another one."""
        return changed(wanted, existing, "RestApiId", "ResourceId", "HttpMethod")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Made anew at the same place."""
        self.delete(wanted, existing)
        return self.create(wanted)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Of an API that may be gone."""
        client, properties = wanted.client("apigateway"), existing.properties
        try:
            client.delete_method(
                restApiId=properties["RestApiId"], resourceId=properties["ResourceId"], httpMethod=properties["HttpMethod"]
            )
        except client.exceptions.ClientError as error:
            if not is_missing(error):
                raise


class StageProvider:
    """A `Provider`: a stage shows a deployment, and changes to another one in place."""

    def create(self, wanted: Wanted) -> Made:
        """With its variables."""
        client = wanted.client("apigateway")
        properties = {"StageName": "Prod", **wanted.properties}
        ignored = frozenset({"AccessLogSetting", "MethodSettings"})
        stage = client.create_stage(**parameters_of(client, "create_stage", properties, ignore=ignored))
        return Made(physical_id=stage["stageName"])

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Of another name or API it is another one."""
        return changed(wanted, existing, "RestApiId", "StageName")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Deployment, description and variables."""
        client = wanted.client("apigateway")
        new, old = wanted.properties.get("Variables", {}), existing.properties.get("Variables", {})
        patches = [{"op": "replace", "path": "/deploymentId", "value": wanted.properties["DeploymentId"]}]
        patches += [{"op": "replace", "path": f"/variables/{name}", "value": str(value)} for name, value in new.items()]
        patches += [{"op": "remove", "path": f"/variables/{name}"} for name in old if name not in new]
        if changed(wanted, existing, "Description"):
            patches.append({"op": "replace", "path": "/description", "value": wanted.properties.get("Description", "")})
        client.update_stage(restApiId=wanted.properties["RestApiId"], stageName=existing.physical_id, patchOperations=patches)
        return Made(physical_id=existing.physical_id)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Of an API that may be gone."""
        client = wanted.client("apigateway")
        try:
            client.delete_stage(restApiId=existing.properties["RestApiId"], stageName=existing.physical_id)
        except client.exceptions.ClientError as error:
            if not is_missing(error):
                raise


class DeploymentProvider(ApiResource):
    """A `Provider`: with `StageName` it makes the stage, too, or has it show this deployment."""

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With that stage, unless it shows another deployment by now."""
        properties = existing.properties
        if "StageName" in properties:
            client = wanted.client("apigateway")
            stage = {"restApiId": properties["RestApiId"], "stageName": properties["StageName"]}
            try:
                if client.get_stage(**stage)["deploymentId"] == existing.physical_id:
                    client.delete_stage(**stage)
            except client.exceptions.NotFoundException:
                return super().delete(wanted, existing)
        return super().delete(wanted, existing)


def rest_api_providers() -> dict[str, Provider]:
    """By type."""
    return {
        "AWS::ApiGateway::Account": NothingProvider(),  # its role writes logs, which nobody writes here
        "AWS::ApiGateway::ApiKey": ApiResource(
            service="apigateway",
            create_operation="create_api_key",
            name="Name",
            physical_id="response.id",
            identity={"apiKey": "id"},
            delete_operation="delete_api_key",
            attributes={"APIKeyId": "id"},
        ),
        "AWS::ApiGateway::Authorizer": ApiResource(
            service="apigateway",
            create_operation="create_authorizer",
            physical_id="response.id",
            identity={**_OF_API, "authorizerId": "id"},
            delete_operation="delete_authorizer",
            attributes={"AuthorizerId": "id"},
        ),
        "AWS::ApiGateway::Deployment": DeploymentProvider(
            service="apigateway",
            create_operation="create_deployment",
            physical_id="response.id",
            identity={**_OF_API, "deploymentId": "id"},
            delete_operation="delete_deployment",
            ignored=frozenset({"StageDescription"}),
            attributes={"DeploymentId": "id"},
        ),
        "AWS::ApiGateway::GatewayResponse": ApiResource(
            service="apigateway",
            create_operation="put_gateway_response",
            physical_id="join('-', [properties.RestApiId, properties.ResponseType])",
            identity={**_OF_API, "responseType": "properties.ResponseType"},
            update_operation="put_gateway_response",
            delete_operation="delete_gateway_response",
            replaced_by=frozenset({"RestApiId", "ResponseType"}),
        ),
        "AWS::ApiGateway::Method": MethodProvider(),
        "AWS::ApiGateway::Model": ApiResource(
            service="apigateway",
            create_operation="create_model",
            name="Name",
            physical_id="properties.Name",
            identity={**_OF_API, "modelName": "id"},
            delete_operation="delete_model",
            prepare=_model_as_text,
        ),
        "AWS::ApiGateway::RequestValidator": ApiResource(
            service="apigateway",
            create_operation="create_request_validator",
            physical_id="response.id",
            identity={**_OF_API, "requestValidatorId": "id"},
            delete_operation="delete_request_validator",
            attributes={"RequestValidatorId": "id"},
        ),
        "AWS::ApiGateway::Resource": ApiResource(
            service="apigateway",
            create_operation="create_resource",
            physical_id="response.id",
            identity={**_OF_API, "resourceId": "id"},
            delete_operation="delete_resource",
            attributes={"ResourceId": "id"},
        ),
        "AWS::ApiGateway::RestApi": RestApiProvider(),
        "AWS::ApiGateway::Stage": StageProvider(),
        "AWS::ApiGateway::UsagePlan": ApiResource(
            service="apigateway",
            create_operation="create_usage_plan",
            renamed={"UsagePlanName": "Name"},
            name="UsagePlanName",
            physical_id="response.id",
            identity={"usagePlanId": "id"},
            delete_operation="delete_usage_plan",
            attributes={"Id": "id"},
        ),
        "AWS::ApiGateway::UsagePlanKey": ApiResource(
            service="apigateway",
            create_operation="create_usage_plan_key",
            physical_id="response.id",
            identity={"usagePlanId": "properties.UsagePlanId", "keyId": "id"},
            delete_operation="delete_usage_plan_key",
            attributes={"Id": "id"},
        ),
    }


def _model_as_text(_: Wanted, parameters: Parameters) -> None:
    if isinstance(parameters.get("schema"), dict):
        parameters["schema"] = json.dumps(parameters["schema"])


def _document(wanted: Wanted) -> dict[str, Any] | None:
    body = wanted.properties.get("Body")
    if "BodyS3Location" in wanted.properties:
        return read_from_s3(wanted, wanted.properties["BodyS3Location"])
    if body is not None and not isinstance(body, dict):
        raise ResourceFailed("Body must be a JSON object")
    return body


def read_from_s3(wanted: Wanted, location: Mapping[str, Any]) -> dict[str, Any]:
    """A document in JSON or YAML."""
    from alonzo.companion.cloudformation.templates import parse_template  # noqa: PLC0415

    content = wanted.client("s3").get_object(Bucket=location["Bucket"], Key=location["Key"])["Body"].read()
    return parse_template(content.decode())


def _put_document(client: Any, api: str, document: dict[str, Any] | None) -> None:
    if document is not None:
        info = {"title": "api", "version": "1.0", "description": "", **document.get("info", {})}  # what moto looks for
        client.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps({**document, "info": info}).encode())


def _made(client: Any, api: str) -> Made:
    roots = [each["id"] for each in client.get_resources(restApiId=api)["items"] if each["path"] == "/"]
    return Made(physical_id=api, attributes={"RestApiId": api, **({"RootResourceId": roots[0]} if roots else {})})
