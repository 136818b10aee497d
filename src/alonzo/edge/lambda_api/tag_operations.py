"""The Lambda API's operations on tags."""

from typing import Any

from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.tags import TaggedResources


class TagOperations:
    """Each method is one operation: an `OperationHandler`. What may go wrong is the resources' to say."""

    def __init__(self, *, resources: TaggedResources) -> None:
        self._resources = resources

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTags": self.list_tags,
        }

    async def tag_resource(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._resources.add(parameters["Resource"], call.caller.scope, parameters["Tags"])
        return {}

    async def untag_resource(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._resources.remove(parameters["Resource"], call.caller.scope, parameters["TagKeys"])
        return {}

    async def list_tags(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return {"Tags": dict(self._resources.get(parameters["Resource"], call.caller.scope))}
