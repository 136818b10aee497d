"""The Lambda API's operations on aliases."""

from typing import Any

from alonzo.aws.pagination import paginate
from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.aliases import AliasChange, Aliases
from alonzo.functions.deletion import FunctionDeletion
from alonzo.model.alias import Alias
from alonzo.model.names import FunctionReference, refer_to_function

_LIST_PAGE_MAX = 50
"""AWS does not say; the same as of versions."""


class AliasOperations:
    """Each method is one operation: an `OperationHandler`. A qualifier within the function's name says nothing here."""

    def __init__(self, *, aliases: Aliases, deletion: FunctionDeletion) -> None:
        self._aliases = aliases
        self._deletion = deletion

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "CreateAlias": self.create_alias,
            "GetAlias": self.get_alias,
            "ListAliases": self.list_aliases,
            "UpdateAlias": self.update_alias,
            "DeleteAlias": self.delete_alias,
        }

    async def create_alias(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        alias = await self._aliases.create(_alias(call, parameters), version=parameters["FunctionVersion"], change=_change(parameters))
        return _alias_configuration(alias)

    async def get_alias(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return _alias_configuration(self._aliases.get(_alias(call, parameters)))

    async def list_aliases(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        page = paginate(
            self._aliases.list_aliases(_alias(call, parameters), version=parameters.get("FunctionVersion")),
            sort_key=lambda alias: (alias.name,),
            marker=parameters.get("Marker") or None,
            limit=min(parameters.get("MaxItems") or _LIST_PAGE_MAX, _LIST_PAGE_MAX),
        )
        return {"Aliases": [_alias_configuration(alias) for alias in page.items], "NextMarker": page.next_marker}

    async def update_alias(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return _alias_configuration(await self._aliases.update(_alias(call, parameters), _change(parameters)))

    async def delete_alias(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._deletion.delete_alias(_alias(call, parameters))
        return {}


def _alias(call: CallContext, parameters: dict[str, Any]) -> FunctionReference:
    function = refer_to_function(parameters["FunctionName"], None, call.caller.scope)
    return FunctionReference(function.scope, function.name, parameters.get("Name"))


def _change(parameters: dict[str, Any]) -> AliasChange:
    routing = parameters.get("RoutingConfig")
    return AliasChange(
        version=parameters.get("FunctionVersion"),
        description=parameters.get("Description"),
        shares=None if routing is None else routing.get("AdditionalVersionWeights") or {},
        revision_id=parameters.get("RevisionId"),
    )


def _alias_configuration(alias: Alias) -> Members:
    routed = alias.routed
    return {
        "AliasArn": alias.arn,
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RoutingConfig": None if routed is None else {"AdditionalVersionWeights": {routed.version: routed.share}},
        "RevisionId": alias.revision_id,
    }
