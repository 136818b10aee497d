"""The Lambda API's operations on function URLs."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from alonzo.aws.pagination import paginate
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.settings.urls import FunctionUrls, UrlChange
from alonzo.model.function_url import Cors, FunctionUrl, InvokeMode, UrlAuthType
from alonzo.model.names import FunctionReference, refer_to_function

Members = dict[str, Any]

_LIST_PAGE_MAX = 50
"""Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionUrlConfigs.html."""


class UrlOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, urls: FunctionUrls) -> None:
        self._urls = urls

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "CreateFunctionUrlConfig": self.create_function_url_config,
            "GetFunctionUrlConfig": self.get_function_url_config,
            "UpdateFunctionUrlConfig": self.update_function_url_config,
            "DeleteFunctionUrlConfig": self.delete_function_url_config,
            "ListFunctionUrlConfigs": self.list_function_url_configs,
        }

    async def create_function_url_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        url = await self._urls.create(_reference(call, parameters), _change(parameters))
        # AWS answers the mode, here and to an update, only to those who have said one: recorded.
        return _common_members(call, url) | {"InvokeMode": parameters.get("InvokeMode")}

    async def get_function_url_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return _members(call, self._urls.get(_reference(call, parameters)))

    async def update_function_url_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        url = await self._urls.update(_reference(call, parameters), _change(parameters))
        return _members(call, url) | {"InvokeMode": parameters.get("InvokeMode")}

    async def delete_function_url_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._urls.delete(_reference(call, parameters))
        return {}

    async def list_function_url_configs(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        page = paginate(
            self._urls.list_urls(_reference(call, parameters)),
            sort_key=lambda url: (url.alias or "",),
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _LIST_PAGE_MAX,
        )
        return {"FunctionUrlConfigs": [_members(call, url) for url in page.items], "NextMarker": page.next_marker}


def function_url(base_url: str, url: FunctionUrl) -> str:
    """The URL itself, on the port where clients reach this endpoint; names under `localhost` mean this machine everywhere (RFC 6761)."""
    endpoint = urlsplit(base_url)
    port = "" if endpoint.port is None else f":{endpoint.port}"
    return f"{endpoint.scheme}://{url.url_id}.lambda-url.{url.scope.region}.localhost{port}/"


def _reference(call: CallContext, parameters: dict[str, Any]) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], parameters.get("Qualifier"), call.caller.scope)


def _change(parameters: dict[str, Any]) -> UrlChange:
    auth_type, mode, cors = parameters.get("AuthType"), parameters.get("InvokeMode"), parameters.get("Cors")
    return UrlChange(
        auth_type=None if auth_type is None else UrlAuthType(auth_type),
        invoke_mode=None if mode is None else InvokeMode(mode),
        cors=None if cors is None else _cors(cors),
    )


def _cors(content: dict[str, Any]) -> Cors:
    def texts(name: str) -> tuple[str, ...] | None:
        values = content.get(name)
        return None if values is None else tuple(values)

    return Cors(
        allow_credentials=content.get("AllowCredentials"),
        allow_headers=texts("AllowHeaders"),
        allow_methods=texts("AllowMethods"),
        allow_origins=texts("AllowOrigins"),
        expose_headers=texts("ExposeHeaders"),
        max_age_seconds=content.get("MaxAge"),
    )


def _common_members(call: CallContext, url: FunctionUrl) -> Members:
    return {
        "FunctionUrl": function_url(call.base_url, url),
        "FunctionArn": url.function_arn,
        "AuthType": url.auth_type.value,
        "Cors": None if url.cors is None else _cors_members(url.cors),
        "CreationTime": _timestamp(url.created_unix_ms),
    }


def _members(call: CallContext, url: FunctionUrl) -> Members:
    return _common_members(call, url) | {
        "LastModifiedTime": _timestamp(url.last_modified_unix_ms),
        "InvokeMode": url.invoke_mode.value,
    }


def _cors_members(cors: Cors) -> Members:
    def listed(values: tuple[str, ...] | None) -> list[str] | None:
        return None if values is None else list(values)

    return {
        "AllowCredentials": cors.allow_credentials,
        "AllowHeaders": listed(cors.allow_headers),
        "AllowMethods": listed(cors.allow_methods),
        "AllowOrigins": listed(cors.allow_origins),
        "ExposeHeaders": listed(cors.expose_headers),
        "MaxAge": cors.max_age_seconds,
    }


def _timestamp(unix_ms: int) -> str:
    """URLs are the one resource whose times AWS writes with a Z: 2026-01-31T12:00:00.000Z."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1000:03d}Z"
