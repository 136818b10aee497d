"""API Gateway's HTTP and WebSocket APIs.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html.
"""

import json
from typing import Any

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.api_resource import ApiResource
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Provider, Wanted
from alonzo.companion.cloudformation.resources.rest_api import read_from_s3
from alonzo.companion.cloudformation.shapes import parameters_of

_OF_API = {"ApiId": "properties.ApiId"}
_FROM_DOCUMENT = frozenset({"BasePath", "Body", "BodyS3Location", "FailOnWarnings"})


class HttpApiProvider:
    """A `Provider`."""

    def create(self, wanted: Wanted) -> Made:
        """And what its document says."""
        client, document = wanted.client("apigatewayv2"), _document(wanted)
        name = wanted.properties.get("Name") or (document or {}).get("info", {}).get("title") or wanted.new_name()
        properties = {"ProtocolType": "HTTP", **wanted.properties, "Name": name}
        api = client.create_api(**parameters_of(client, "create_api", properties, ignore=_FROM_DOCUMENT))
        made = _made(api)
        try:
            if document is not None:
                client.reimport_api(ApiId=api["ApiId"], Body=json.dumps(document))
        except client.exceptions.ClientError as error:
            raise PartlyMade(str(error), made) from error
        return made

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """It stays HTTP or WebSocket."""
        return bool(wanted.properties.get("ProtocolType", "HTTP") != existing.properties.get("ProtocolType", "HTTP"))

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Its document takes the place of the one before."""
        client, document = wanted.client("apigatewayv2"), _document(wanted)
        properties = {name: value for name, value in wanted.properties.items() if name not in {"ProtocolType", "Tags"}}
        api = client.update_api(**parameters_of(client, "update_api", {**properties, "ApiId": existing.physical_id}, ignore=_FROM_DOCUMENT))
        if document is not None:
            for route in client.get_routes(ApiId=existing.physical_id)["Items"]:
                client.delete_route(ApiId=existing.physical_id, RouteId=route["RouteId"])
            for integration in client.get_integrations(ApiId=existing.physical_id)["Items"]:
                client.delete_integration(ApiId=existing.physical_id, IntegrationId=integration["IntegrationId"])
            client.reimport_api(ApiId=existing.physical_id, Body=json.dumps(document))
        return _made(api)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With all that is in it."""
        client = wanted.client("apigatewayv2")
        try:
            client.delete_api(ApiId=existing.physical_id)
        except client.exceptions.NotFoundException:
            return


def http_api_providers() -> dict[str, Provider]:
    """By type."""
    return {
        "AWS::ApiGatewayV2::Api": HttpApiProvider(),
        "AWS::ApiGatewayV2::Authorizer": _part("authorizer", "AuthorizerId"),
        "AWS::ApiGatewayV2::Deployment": _part("deployment", "DeploymentId"),
        "AWS::ApiGatewayV2::Integration": _part("integration", "IntegrationId"),
        "AWS::ApiGatewayV2::Route": _part("route", "RouteId"),
        "AWS::ApiGatewayV2::Stage": ApiResource(
            service="apigatewayv2",
            create_operation="create_stage",
            physical_id="properties.StageName",
            identity={**_OF_API, "StageName": "id"},
            update_operation="update_stage",
            delete_operation="delete_stage",
            creation_only=frozenset({"Tags"}),
            replaced_by=frozenset({"ApiId", "StageName"}),
        ),
    }


def _part(kind: str, identifier: str) -> ApiResource:
    return ApiResource(
        service="apigatewayv2",
        create_operation=f"create_{kind}",
        physical_id=f"response.{identifier}",
        identity={**_OF_API, identifier: "id"},
        update_operation=f"update_{kind}",
        delete_operation=f"delete_{kind}",
        replaced_by=frozenset({"ApiId"}),
        attributes={identifier: "id"},
    )


def _document(wanted: Wanted) -> dict[str, Any] | None:
    if "BodyS3Location" in wanted.properties:
        return read_from_s3(wanted, wanted.properties["BodyS3Location"])
    body = wanted.properties.get("Body")
    if body is not None and not isinstance(body, dict):
        raise ResourceFailed("Body must be a JSON object")
    return body


def _made(api: Any) -> Made:
    return Made(physical_id=api["ApiId"], attributes={"ApiId": api["ApiId"], "ApiEndpoint": api.get("ApiEndpoint", "")})
