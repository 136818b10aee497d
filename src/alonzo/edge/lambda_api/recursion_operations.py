"""The Lambda API's operations on recursive loops."""

from typing import Any

from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.settings.recursion import RecursionConfigs, RecursiveLoop
from alonzo.model.names import FunctionReference, refer_to_function


class RecursionOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, configs: RecursionConfigs) -> None:
        self._configs = configs

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "PutFunctionRecursionConfig": self.put_config,
            "GetFunctionRecursionConfig": self.get_config,
        }

    async def put_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        recursive_loop = RecursiveLoop(parameters["RecursiveLoop"])
        await self._configs.put(_reference(call, parameters), recursive_loop)
        return {"RecursiveLoop": recursive_loop.value}

    async def get_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return {"RecursiveLoop": self._configs.get(_reference(call, parameters)).value}


def _reference(call: CallContext, parameters: dict[str, Any]) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], None, call.caller.scope)
