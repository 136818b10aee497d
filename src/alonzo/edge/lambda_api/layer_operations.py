"""The Lambda API's operations on layers."""

from typing import Any

from alonzo.aws.pagination import SortKey, paginate
from alonzo.edge.lambda_api.code_links import CodeLinks
from alonzo.edge.lambda_api.code_objects import CodeObjects
from alonzo.edge.lambda_api.function_requests import Parameters, code_of
from alonzo.edge.lambda_api.timestamps import lambda_timestamp
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.code.sources import ContainerImage
from alonzo.functions.errors import InvalidParameter
from alonzo.functions.layers.layers import Layers, LayerVersionNotFound, NewLayerVersion
from alonzo.functions.layers.policies import LayerPolicies
from alonzo.functions.registry import Functions
from alonzo.model.layer import LayerReference, LayerVersion, LayerVersionReference

Members = dict[str, Any]

_LIST_PAGE_MAX = 50
"""Source: botocore shape `MaxLayerListItems`."""


class LayerOperations:
    """Each method is one operation: an `OperationHandler`. What may go wrong is the domain's to say."""

    def __init__(
        self, *, layers: Layers, policies: LayerPolicies, functions: Functions, code_links: CodeLinks, code_objects: CodeObjects
    ) -> None:
        self._layers = layers
        self._policies = policies
        self._functions = functions
        self._code_links = code_links
        self._code_objects = code_objects

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "PublishLayerVersion": self.publish_layer_version,
            "GetLayerVersion": self.get_layer_version,
            "GetLayerVersionByArn": self.get_layer_version_by_arn,
            "ListLayers": self.list_layers,
            "ListLayerVersions": self.list_layer_versions,
            "DeleteLayerVersion": self.delete_layer_version,
        }

    async def publish_layer_version(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope = call.caller.scope
        content = await self._code_objects.read(code_of(parameters["Content"]), scope)
        if isinstance(content, ContainerImage):
            raise InvalidParameter("Please provide a source for function code.")
        new = NewLayerVersion(
            layer=_layer(call, parameters),
            content=content,
            description=parameters.get("Description") or "",
            compatible_runtimes=_texts(parameters.get("CompatibleRuntimes")),
            compatible_architectures=_texts(parameters.get("CompatibleArchitectures")),
            license_info=parameters.get("LicenseInfo"),
        )
        used_bytes = self._functions.account_usage(scope).code_size_bytes
        return self._shown(call, await self._layers.publish(new, caller=scope, used_bytes=used_bytes))

    async def get_layer_version(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return self._shown(call, self._layers.get_version(_layer_version(call, parameters), caller=call.caller.scope))

    async def get_layer_version_by_arn(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = LayerVersionReference.find(parameters["Arn"])
        if reference is None:
            raise LayerVersionNotFound
        return self._shown(call, self._layers.get_version(reference, caller=call.caller.scope))

    async def list_layers(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        page = paginate(
            self._layers.iter_latest(call.caller.scope, **_filters(parameters)),
            sort_key=_by_name,
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _LIST_PAGE_MAX,
        )
        return {
            "Layers": [
                {
                    "LayerName": version.reference.layer.name,
                    "LayerArn": version.reference.layer.arn,
                    "LatestMatchingVersion": _listed(version),
                }
                for version in page.items
            ],
            "NextMarker": page.next_marker,
        }

    async def list_layer_versions(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        page = paginate(
            self._layers.iter_versions(_layer(call, parameters), caller=call.caller.scope, **_filters(parameters)),
            sort_key=_newest_first,
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _LIST_PAGE_MAX,
        )
        return {"LayerVersions": [_listed(version) for version in page.items], "NextMarker": page.next_marker}

    async def delete_layer_version(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _layer_version(call, parameters)
        await self._layers.delete_version(reference, caller=call.caller.scope, forget=self._policies.forget)
        return {}

    def _shown(self, call: CallContext, version: LayerVersion) -> Members:
        content = {
            "CodeSha256": version.code.sha256_base64,
            "CodeSize": version.code.size_bytes,
            "Location": self._code_links.link(call.base_url, version.code.sha256),
        }
        return _listed(version) | {"Content": content, "LayerArn": version.reference.layer.arn}


def _layer(call: CallContext, parameters: Parameters) -> LayerReference:
    return LayerReference.of(parameters["LayerName"], call.caller.scope)


def _layer_version(call: CallContext, parameters: Parameters) -> LayerVersionReference:
    return LayerVersionReference(_layer(call, parameters), parameters["VersionNumber"])


def _filters(parameters: Parameters) -> dict[str, str | None]:
    return {"runtime": parameters.get("CompatibleRuntime"), "architecture": parameters.get("CompatibleArchitecture")}


def _texts(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _listed(version: LayerVersion) -> Members:
    runtimes, architectures = version.compatible_runtimes, version.compatible_architectures
    return {
        "LayerVersionArn": version.reference.arn,
        "Version": version.reference.version,
        "Description": version.description,
        "CreatedDate": lambda_timestamp(version.created_unix_ms),
        "CompatibleRuntimes": None if runtimes is None else list(runtimes),
        "CompatibleArchitectures": None if architectures is None else list(architectures),
        "LicenseInfo": version.license_info,
    }


def _by_name(version: LayerVersion) -> SortKey:
    return (version.reference.layer.name,)


def _newest_first(version: LayerVersion) -> SortKey:
    """Keys sort upwards as texts: the complement of the number."""
    return (f"{2**63 - version.reference.version:019}",)
