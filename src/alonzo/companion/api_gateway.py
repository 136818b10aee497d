"""API Gateway, where moto's leaves something out that a data plane needs. The data plane itself is the node's.

- A deployment of a REST API is a snapshot: what is changed later is not live before the next one. A request with the header
  `x-alonzo-deployment` reads an API as it was deployed.
- Addresses of APIs lead to the node.
- Operations of version 2 that moto does not have: UpdateStage, GetAuthorizers, GetRouteResponses, and those on deployments. What is
  deployed is not kept: changes of HTTP and WebSocket APIs are live at once.
"""

import contextvars
import copy
import importlib
import json
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from moto.moto_api._internal import mock_random

from alonzo.companion.on_import import after_import
from alonzo.companion.requests import Application, Environ

_DEPLOYMENT_HEADER = "HTTP_X_ALONZO_DEPLOYMENT"
_BINARY_TYPES = "/binaryMediaTypes/"
_DEPLOYED = (
    "resources",
    "authorizers",
    "models",
    "request_validators",
    "gateway_responses",
    "binaryMediaTypes",
    "api_key_source",
    "policy",
)
"""What belongs to a deployment. Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/updating-api.html."""

_deployment: contextvars.ContextVar[str | None] = contextvars.ContextVar("deployment", default=None)


class AsDeployed:
    """WSGI middleware: has a request read REST APIs as they were deployed, if it says so."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        token = _deployment.set(environ.get(_DEPLOYMENT_HEADER))
        try:
            return self._application(environ, start_response)
        finally:
            _deployment.reset(token)


def complete_api_gateway(endpoint_url: str) -> None:
    """Add what is missing, as soon as moto has the rest. `endpoint_url`: where the node is reached."""
    after_import("moto.apigateway.models", _keep_what_is_deployed)
    after_import("moto.apigateway.responses", _take_binary_types)
    after_import("moto.apigatewayv2.models", lambda: _lead_to_node(endpoint_url))
    after_import("moto.apigateway.urls", _add_operations)  # it has the paths of both versions


def place_of_api(api_id: str) -> dict[str, str] | None:
    """Whose an API is, where, and of which kind."""
    for version in ("apigateway", "apigatewayv2"):
        module: Any = sys.modules.get(f"moto.{version}.models")  # else nobody has made one yet
        backends: Any = {} if module is None else getattr(module, f"{version}_backends")
        for account_id, regions in list(backends.items()):
            for region, backend in list(regions.items()):
                if api_id in backend.apis:
                    protocol = getattr(backend.apis[api_id], "protocol_type", "REST")
                    return {"account_id": account_id, "region": region, "protocol": protocol}
    return None


def _keep_what_is_deployed() -> None:
    models: Any = importlib.import_module("moto.apigateway.models")
    api_class, backend_class = models.RestAPI, models.APIGatewayBackend
    deploy, find = api_class.create_deployment, backend_class.get_rest_api

    def create_deployment(api: Any, name: str, description: str, stage_variables: Any = None) -> Any:
        before = api.stages.get(name)
        deployment = deploy(api, name, description, stage_variables)
        deployment.deployed = copy.deepcopy({part: getattr(api, part) for part in _DEPLOYED})
        if before is not None:  # a stage that is deployed to once more stays what it is
            before.deployment_id = deployment.id
            before.variables |= stage_variables or {}
            api.stages[name] = before
        return deployment

    def delete_deployment(api: Any, deployment_id: str) -> Any:
        """A stage that was deployed to once more is not in the way of the deployment that it had."""
        if deployment_id not in api.deployments:
            raise models.DeploymentNotFoundException
        if any(stage.deployment_id == deployment_id for stage in api.stages.values()):
            raise models.StageStillActive
        return api.deployments.pop(deployment_id)

    def get_rest_api(backend: Any, function_id: str) -> Any:
        api, deployment_id = find(backend, function_id), _deployment.get()
        deployed = getattr(api.deployments.get(deployment_id), "deployed", None) if deployment_id is not None else None
        if deployed is None:
            return api
        snapshot = copy.copy(api)
        vars(snapshot).update(deployed)
        return snapshot

    patch = api_class.apply_patch_operations

    def apply_patch_operations(api: Any, operations: list[dict[str, Any]]) -> None:
        """A binary media type is named in the path (`/binaryMediaTypes/image~1png`), where moto expects a value."""
        others = [operation for operation in operations if not operation["path"].startswith(_BINARY_TYPES)]
        for operation in operations:
            if operation not in others:
                _patch_binary_types(api.binaryMediaTypes, operation)
        patch(api, others)

    api_class.apply_patch_operations = apply_patch_operations
    api_class.create_deployment = create_deployment
    api_class.delete_deployment = delete_deployment
    api_class.update_integration_mocks = lambda *_: None  # for requests of this process, which there are none of
    backend_class.get_rest_api = get_rest_api


def _patch_binary_types(types: list[str], operation: dict[str, Any]) -> None:
    named = operation["path"].removeprefix(_BINARY_TYPES).replace("~1", "/").replace("~0", "~")
    if operation["op"] != "add" and named in types:
        types.remove(named)
    if operation["op"] != "remove":
        types.append(operation.get("value") or named if operation["op"] == "replace" else named)


def _take_binary_types() -> None:
    """Those of CreateRestApi, which moto leaves out."""
    responses: Any = importlib.import_module("moto.apigateway.responses").APIGatewayResponse
    create = responses.create_rest_api

    def create_rest_api(response: Any) -> Any:
        answer = create(response)
        types = response._get_param("binaryMediaTypes")
        if isinstance(answer, tuple) and answer[0] == 200 and types:  # noqa: PLR2004 - the status
            api = response.backend.get_rest_api(json.loads(answer[2])["id"])
            api.binaryMediaTypes = list(types)
            return 200, answer[1], json.dumps(api.to_dict())
        return answer

    responses.create_rest_api = create_rest_api


def _lead_to_node(endpoint_url: str) -> None:
    api_class: Any = importlib.import_module("moto.apigatewayv2.models").Api
    to_json, url = api_class.to_json, urlsplit(endpoint_url)

    def to_json_of_node(api: Any) -> dict[str, Any]:
        scheme = "ws" if api.protocol_type == "WEBSOCKET" else "http"
        endpoint = f"{scheme}://{api.api_id}.execute-api.{api.backend.region_name}.localhost:{url.port}"
        return {**to_json(api), "apiEndpoint": endpoint}

    api_class.to_json = to_json_of_node


def _add_operations() -> None:
    responses: Any = importlib.import_module("moto.apigatewayv2.responses").ApiGatewayV2Response
    responses.get_authorizers = _get_authorizers
    responses.update_stage = _update_stage
    responses.get_route_responses = _get_route_responses
    responses.create_deployment = _create_deployment
    responses.get_deployments = _get_deployments
    responses.get_deployment = _get_deployment
    responses.delete_deployment = _delete_deployment
    paths = {
        "{0}/v2/apis/(?P<api_id>[^/]+)/deployments$": responses.dispatch,
        "{0}/v2/apis/(?P<api_id>[^/]+)/deployments/(?P<deployment_id>[^/]+)$": responses.dispatch,
    }
    for version in ("apigateway", "apigatewayv2"):
        importlib.import_module(f"moto.{version}.urls").url_paths.update(paths)


def _api_of(response: Any, depth: int) -> Any:
    """The API that a path names, so many elements before its end."""
    return response.apigatewayv2_backend.get_api(response.path.split("/")[-depth])


def _get_authorizers(response: Any) -> Any:
    api = _api_of(response, 2)
    return 200, {}, json.dumps({"items": [each.to_json() for each in api.authorizers.values()]})


def _get_route_responses(response: Any) -> Any:
    api = _api_of(response, 4)
    route = api.get_route(response.path.split("/")[-2])
    return 200, {}, json.dumps({"items": [each.to_json() for each in route.route_responses.values()]})


_STAGE_MEMBERS = {
    "accessLogSettings": "access_log_settings",
    "autoDeploy": "auto_deploy",
    "clientCertificateId": "client_certificate_id",
    "defaultRouteSettings": "default_route_settings",
    "description": "description",
    "routeSettings": "route_settings",
    "stageVariables": "stage_variables",
    "deploymentId": "deployment_id",
}


def _update_stage(response: Any) -> Any:
    api, given = _api_of(response, 3), json.loads(response.body)
    stage = api.get_stage(unquote(response.path.split("/")[-1]))
    for member, attribute in _STAGE_MEMBERS.items():
        if given.get(member) is not None:
            setattr(stage, attribute, given[member])
    stage.updated = datetime.now(UTC).replace(tzinfo=None)
    return 200, {}, json.dumps(stage.to_json())


def _deployments_of(api: Any) -> dict[str, dict[str, Any]]:
    deployments: dict[str, dict[str, Any]] = vars(api).setdefault("alonzo_deployments", {})
    return deployments


def _create_deployment(response: Any) -> Any:
    api, given = _api_of(response, 2), json.loads(response.body or "{}")
    deployment_id = mock_random.get_random_hex(10)
    deployment = {
        "autoDeployed": False,
        "createdDate": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "deploymentId": deployment_id,
        "deploymentStatus": "DEPLOYED",
        "description": given.get("description") or "",
    }
    if given.get("stageName"):
        api.get_stage(given["stageName"]).deployment_id = deployment_id
    _deployments_of(api)[deployment_id] = deployment
    return 201, {}, json.dumps(deployment)


def _get_deployments(response: Any) -> Any:
    return 200, {}, json.dumps({"items": list(_deployments_of(_api_of(response, 2)).values())})


def _get_deployment(response: Any) -> Any:
    deployment_id = response.path.split("/")[-1]
    found = _deployments_of(_api_of(response, 3)).get(deployment_id)
    if found is None:
        message = f"Unable to find Deployment by ID {deployment_id} within the scope of API"
        return 404, {"x-amzn-errortype": "NotFoundException"}, json.dumps({"message": message})
    return 200, {}, json.dumps(found)


def _delete_deployment(response: Any) -> Any:
    _deployments_of(_api_of(response, 3)).pop(response.path.split("/")[-1], None)
    return 204, {}, ""
