"""OpenAPI documents that moto refuses and AWS takes: those of version 2 (SAM's and Chalice's), and those that do not describe the API.

What moto reads of a document (paths, methods, integrations) is the same in both versions.
"""

import importlib
from typing import Any

from alonzo.companion.on_import import after_import

_VERSION = "3.0.1"
_INTEGRATION = "x-amazon-apigateway-integration"
_IN_CAPITALS = ("connectionType", "contentHandling", "httpMethod", "passthroughBehavior", "type")


def take_documents_of_all_kinds() -> None:
    """As soon as moto has REST APIs."""
    after_import("moto.apigateway.models", _take_them)


def _take_them() -> None:
    models: Any = importlib.import_module("moto.apigateway.models")
    backend: Any = models.APIGatewayBackend
    import_as_moto_does, put_as_moto_does = backend.import_rest_api, backend.put_rest_api

    def import_rest_api(self: Any, api_doc: dict[str, Any], fail_on_warnings: bool) -> Any:
        described = {**api_doc, "info": {"description": "", "title": "", **api_doc.get("info", {})}}
        return import_as_moto_does(self, described, fail_on_warnings)

    def put_rest_api(self: Any, function_id: str, api_doc: dict[str, Any], fail_on_warnings: bool, mode: str = "merge") -> Any:
        if "swagger" in api_doc:
            api_doc = {"openapi": _VERSION, **{name: part for name, part in api_doc.items() if name != "swagger"}}
        api_doc = {**api_doc, "paths": {path: _as_in_the_api(methods) for path, methods in (api_doc.get("paths") or {}).items()}}
        return put_as_moto_does(self, function_id, api_doc, fail_on_warnings, mode)

    backend.import_rest_api, backend.put_rest_api = import_rest_api, put_rest_api


def _as_in_the_api(methods: Any) -> Any:
    """Documents write some names of integrations in small letters, which the API has in capitals."""
    if not isinstance(methods, dict):
        return methods
    made = {}
    for method, definition in methods.items():
        integration = definition.get(_INTEGRATION) if isinstance(definition, dict) else None
        if isinstance(integration, dict):
            capitals = {name: str(integration[name]).upper() for name in _IN_CAPITALS if name in integration}
            definition = {**definition, _INTEGRATION: {**integration, **capitals}}  # noqa: PLW2901 - the same, but for letters
        made[method] = definition
    return made
