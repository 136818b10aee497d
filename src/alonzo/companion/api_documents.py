"""OpenAPI documents that do not describe the API: moto insists on it, AWS does not, and Chalice's have none."""

import importlib
from typing import Any

from alonzo.companion.on_import import after_import


def take_documents_without_description() -> None:
    """As soon as moto has REST APIs."""
    after_import("moto.apigateway.models", _take_them)


def _take_them() -> None:
    models: Any = importlib.import_module("moto.apigateway.models")
    backend: Any = models.APIGatewayBackend
    import_as_moto_does = backend.import_rest_api

    def import_rest_api(self: Any, api_doc: dict[str, Any], fail_on_warnings: bool) -> Any:
        described = {**api_doc, "info": {"description": "", "title": "", **api_doc.get("info", {})}}
        return import_as_moto_does(self, described, fail_on_warnings)

    backend.import_rest_api = import_rest_api
