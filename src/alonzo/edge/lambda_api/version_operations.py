"""The Lambda API's operations on versions of functions."""

from typing import Any

from alonzo.aws.pagination import paginate
from alonzo.edge.lambda_api.function_responses import Members, function_configuration, listed_configuration
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.registry import Functions, version_sort_key
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference, refer_to_function

_LIST_PAGE_MAX = 50
"""Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html ("returns a maximum of 50 items")."""


class VersionOperations:
    """Each method is one operation: an `OperationHandler`. A qualifier within the function's name says nothing here."""

    def __init__(self, *, functions: Functions) -> None:
        self._functions = functions

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {"PublishVersion": self.publish_version, "ListVersionsByFunction": self.list_versions_by_function}

    async def publish_version(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        version = await self._functions.publish(
            _function(call, parameters),
            description=parameters.get("Description"),
            code_sha256_base64=parameters.get("CodeSha256") or None,
            revision_id=parameters.get("RevisionId"),
            to_latest_published=bool(parameters.get("PublishTo")),
        )
        return function_configuration(version, qualified=True)

    async def list_versions_by_function(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        function = _function(call, parameters)
        if self._functions.find_version(function.scope, function.name, LATEST) is None:
            raise FunctionNotFound(function.arn)
        page = paginate(
            self._functions.iter_versions(function.scope, function.name),
            sort_key=version_sort_key,
            marker=parameters.get("Marker") or None,
            limit=min(parameters.get("MaxItems") or _LIST_PAGE_MAX, _LIST_PAGE_MAX),
        )
        return {"Versions": [listed_configuration(version, qualified=True) for version in page.items], "NextMarker": page.next_marker}


def _function(call: CallContext, parameters: dict[str, Any]) -> FunctionReference:
    reference = refer_to_function(parameters["FunctionName"], None, call.caller.scope)
    return FunctionReference(reference.scope, reference.name)
