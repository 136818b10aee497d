"""The Lambda API's operations on how versions move on with their runtimes."""

from typing import Any

from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.settings.runtime_management import RuntimeManagement, RuntimeManagementConfig, UpdateRuntimeOn
from alonzo.model.names import FunctionReference, refer_to_function


class RuntimeManagementOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, runtime_management: RuntimeManagement) -> None:
        self._runtime_management = runtime_management

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "PutRuntimeManagementConfig": self.put_config,
            "GetRuntimeManagementConfig": self.get_config,
        }

    async def put_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        config = RuntimeManagementConfig(
            update_runtime_on=UpdateRuntimeOn(parameters["UpdateRuntimeOn"]),
            runtime_version_arn=parameters.get("RuntimeVersionArn") or None,
        )
        await self._runtime_management.put(reference, config)
        return _members(reference, config)

    async def get_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        return _members(reference, self._runtime_management.get(reference))


def _reference(call: CallContext, parameters: dict[str, Any]) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], parameters.get("Qualifier") or None, call.caller.scope)


def _members(reference: FunctionReference, config: RuntimeManagementConfig) -> Members:
    return {
        "UpdateRuntimeOn": config.update_runtime_on.value,
        "FunctionArn": reference.arn,
        "RuntimeVersionArn": config.runtime_version_arn,
    }
