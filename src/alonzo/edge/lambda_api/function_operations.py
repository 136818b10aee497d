"""The Lambda API's operations on functions."""

from typing import Any

from alonzo.aws.pagination import paginate, read_marker
from alonzo.edge.lambda_api.code_links import CodeLinks
from alonzo.edge.lambda_api.code_objects import CodeObjects
from alonzo.edge.lambda_api.function_requests import Parameters, architectures_of, code_of, configuration_change, new_code_of
from alonzo.edge.lambda_api.function_responses import Members, code_location, function_configuration, listed_configuration
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.capacity_providers import CapacityProviders
from alonzo.functions.code.signing import CodeSigning
from alonzo.functions.deletion import FunctionDeletion
from alonzo.functions.registry import CodeUpdate, Functions, NewFunction, version_sort_key
from alonzo.functions.resolution import Resolution
from alonzo.functions.settings.concurrency import ConcurrencySettings
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference, refer_to_function

_LIST_PAGE_MAX = 50
"""Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html ("returns a maximum of 50 items in each response")."""


class FunctionOperations:
    """Each method is one operation: an `OperationHandler`. What may go wrong is the registry's to say."""

    def __init__(
        self,
        *,
        functions: Functions,
        resolution: Resolution,
        deletion: FunctionDeletion,
        code_signing: CodeSigning,
        capacity_providers: CapacityProviders,
        code_links: CodeLinks,
        code_objects: CodeObjects,
        concurrency: ConcurrencySettings,
    ) -> None:
        self._functions = functions
        self._resolution = resolution
        self._deletion = deletion
        self._code_signing = code_signing
        self._capacity_providers = capacity_providers
        self._code_links = code_links
        self._code_objects = code_objects
        self._concurrency = concurrency

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "CreateFunction": self.create_function,
            "GetFunction": self.get_function,
            "GetFunctionConfiguration": self.get_function_configuration,
            "ListFunctions": self.list_functions,
            "UpdateFunctionCode": self.update_function_code,
            "UpdateFunctionConfiguration": self.update_function_configuration,
            "DeleteFunction": self.delete_function,
        }

    async def create_function(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        new = NewFunction(
            reference=reference,
            code=await self._code_objects.read(new_code_of(parameters), reference.scope),
            configuration=configuration_change(parameters),
            source_kms_key_arn=parameters["Code"].get("SourceKMSKeyArn") or None,
            architectures=architectures_of(parameters),
            tags=parameters.get("Tags"),
            publish=bool(parameters.get("Publish") or parameters.get("PublishTo")),
            to_latest_published=bool(parameters.get("PublishTo")),
        )
        signing_config_arn = parameters.get("CodeSigningConfigArn")
        if signing_config_arn:
            self._code_signing.check_new_function(reference, signing_config_arn, is_image=parameters.get("PackageType") == "Image")
        if new.configuration.capacity_provider is not None:
            self._capacity_providers.check_usable(reference.scope, new.configuration.capacity_provider.capacity_provider_arn)
        created = await self._functions.create(new)
        if signing_config_arn:
            await self._code_signing.attach(reference, signing_config_arn)
        return function_configuration(created, qualified=False)

    async def get_function(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        version = self._resolution.get_version(reference)
        latest = self._functions.find_version(reference.scope, reference.name, LATEST)
        return {
            "Configuration": function_configuration(version, qualified=False) | {"FunctionArn": reference.arn},
            "Code": code_location(version, self._code_links.link(call.base_url, version.code.sha256)),
            "Tags": (latest.tags or None) if latest is not None else None,
            "Concurrency": self._reserved(reference),
        }

    async def get_function_configuration(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        return function_configuration(self._resolution.get_version(reference), qualified=False) | {"FunctionArn": reference.arn}

    async def list_functions(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        every_version = parameters.get("FunctionVersion") == "ALL"
        marker: str | None = parameters.get("Marker") or None
        first_name = "" if marker is None else next(iter(read_marker(marker)), "")
        iter_wanted = self._functions.iter_versions if every_version else self._functions.iter_functions
        page = paginate(
            iter_wanted(call.caller.scope, first_name=first_name),
            sort_key=version_sort_key,
            marker=marker,
            limit=min(parameters.get("MaxItems") or _LIST_PAGE_MAX, _LIST_PAGE_MAX),
        )
        return {
            "Functions": [listed_configuration(version, qualified=every_version) for version in page.items],
            "NextMarker": page.next_marker,
        }

    async def update_function_code(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        self._functions.get_version(FunctionReference(reference.scope, reference.name))
        update = CodeUpdate(
            reference=reference,
            code=await self._code_objects.read(code_of(parameters), reference.scope),
            source_kms_key_arn=parameters.get("SourceKMSKeyArn") or None,
            architectures=architectures_of(parameters),
            revision_id=parameters.get("RevisionId"),
            publish=bool(parameters.get("Publish") or parameters.get("PublishTo")),
            to_latest_published=bool(parameters.get("PublishTo")),
            dry_run=bool(parameters.get("DryRun")),
        )
        self._code_signing.check_deployment(reference)
        version = await self._functions.update_code(update)
        return function_configuration(version, qualified=version.version != LATEST)

    async def update_function_configuration(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference, change = _reference(call, parameters), configuration_change(parameters)
        if change.layers:
            self._code_signing.check_deployment(reference)
        if change.capacity_provider is not None:
            self._capacity_providers.get(reference.scope, change.capacity_provider.capacity_provider_arn)
        version = await self._functions.update_configuration(reference, change, revision_id=parameters.get("RevisionId"))
        return function_configuration(version, qualified=False)

    async def delete_function(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._deletion.delete(_reference(call, parameters))
        return {"StatusCode": 204}

    def _reserved(self, reference: FunctionReference) -> Members | None:
        count = self._concurrency.function(reference.scope, reference.name).reserved
        return None if count is None else {"ReservedConcurrentExecutions": count}


def _reference(call: CallContext, parameters: Parameters) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], parameters.get("Qualifier"), call.caller.scope)
