"""The Lambda API's operations on functions."""

from typing import Any

from alonzo.aws.pagination import paginate
from alonzo.edge.lambda_api.code_links import CodeLinks
from alonzo.edge.lambda_api.function_requests import Parameters, architectures_of, code_of, configuration_change
from alonzo.edge.lambda_api.function_responses import Members, function_configuration, listed_configuration
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.deletion import FunctionDeletion
from alonzo.functions.errors import InvalidParameter, NotSupported
from alonzo.functions.registry import CodeUpdate, Functions, NewFunction, version_sort_key
from alonzo.model import quotas
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference, refer_to_function

_LIST_PAGE_MAX = 50
"""Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html ("returns a maximum of 50 items in each response")."""


class FunctionOperations:
    """Each method is one operation: an `OperationHandler`. What may go wrong is the registry's to say."""

    def __init__(self, *, functions: Functions, deletion: FunctionDeletion, code_links: CodeLinks) -> None:
        self._functions = functions
        self._deletion = deletion
        self._code_links = code_links

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
            "GetAccountSettings": self.get_account_settings,
        }

    async def create_function(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        if parameters.get("PackageType") == "Image":
            raise NotSupported("functions from container images (PackageType Image)")
        new = NewFunction(
            reference=reference,
            code=code_of(parameters["Code"]),
            configuration=configuration_change(parameters),
            architectures=architectures_of(parameters),
            tags=parameters.get("Tags"),
            publish=bool(parameters.get("Publish")),
        )
        return function_configuration(await self._functions.create(new), qualified=False)

    async def get_function(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        version = self._functions.get_version(reference)
        latest = self._functions.find_version(reference.scope, reference.name, LATEST)
        return {
            "Configuration": function_configuration(version, qualified=reference.qualifier is not None),
            "Code": {"RepositoryType": "S3", "Location": self._code_links.link(call.base_url, version.code.sha256)},
            "Tags": (latest.tags or None) if latest is not None else None,
        }

    async def get_function_configuration(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        return function_configuration(self._functions.get_version(reference), qualified=reference.qualifier is not None)

    async def list_functions(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        every_version = parameters.get("FunctionVersion") == "ALL"
        scope = call.caller.scope
        page = paginate(
            self._functions.iter_versions(scope) if every_version else self._functions.iter_functions(scope),
            sort_key=version_sort_key,
            marker=parameters.get("Marker") or None,
            limit=min(parameters.get("MaxItems") or _LIST_PAGE_MAX, _LIST_PAGE_MAX),
        )
        return {
            "Functions": [listed_configuration(version, qualified=every_version) for version in page.items],
            "NextMarker": page.next_marker,
        }

    async def update_function_code(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        self._functions.get_version(FunctionReference(reference.scope, reference.name))
        if parameters.get("ImageUri"):
            raise InvalidParameter("Please don't provide ImageUri when updating a function with packageType Zip.")
        if parameters.get("PublishTo"):
            raise NotSupported("the parameter PublishTo of Lambda functions")
        update = CodeUpdate(
            reference=reference,
            code=code_of(parameters),
            architectures=architectures_of(parameters),
            revision_id=parameters.get("RevisionId"),
            publish=bool(parameters.get("Publish")),
            dry_run=bool(parameters.get("DryRun")),
        )
        version = await self._functions.update_code(update)
        return function_configuration(version, qualified=version.version != LATEST)

    async def update_function_configuration(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        version = await self._functions.update_configuration(
            _reference(call, parameters), configuration_change(parameters), revision_id=parameters.get("RevisionId")
        )
        return function_configuration(version, qualified=False)

    async def delete_function(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._deletion.delete(_reference(call, parameters))
        return {"StatusCode": 204}

    async def get_account_settings(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        usage = self._functions.account_usage(call.caller.scope)
        return {
            "AccountLimit": {
                "TotalCodeSize": quotas.CODE_STORAGE_MAX_BYTES,
                "CodeSizeUnzipped": quotas.CODE_UNZIPPED_MAX_BYTES,
                "CodeSizeZipped": quotas.CODE_ZIPPED_IN_REQUEST_MAX_BYTES,
                "ConcurrentExecutions": quotas.ACCOUNT_CONCURRENCY,
                "UnreservedConcurrentExecutions": quotas.ACCOUNT_CONCURRENCY,
            },
            "AccountUsage": {"TotalCodeSize": usage.code_size_bytes, "FunctionCount": usage.function_count},
        }


def _reference(call: CallContext, parameters: Parameters) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], parameters.get("Qualifier"), call.caller.scope)
