"""The Lambda API's operations on the scaling of versions on capacity providers."""

from typing import Any

from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.settings.scaling import ScalingConfig, ScalingConfigs
from alonzo.model.names import FunctionReference, refer_to_function


class ScalingOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, configs: ScalingConfigs) -> None:
        self._configs = configs

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "PutFunctionScalingConfig": self.put_config,
            "GetFunctionScalingConfig": self.get_config,
        }

    async def put_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        given = parameters.get("FunctionScalingConfig") or {}
        config = ScalingConfig(
            min_environment_count=given.get("MinExecutionEnvironments"),
            max_environment_count=given.get("MaxExecutionEnvironments"),
        )
        version = await self._configs.put(_reference(call, parameters), config)
        return {"FunctionState": version.state.value}

    async def get_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = _reference(call, parameters)
        config = self._configs.find(reference)
        members = None if config is None else _members(config)
        return {"FunctionArn": reference.arn, "AppliedFunctionScalingConfig": members, "RequestedFunctionScalingConfig": members}


def _reference(call: CallContext, parameters: dict[str, Any]) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], parameters["Qualifier"], call.caller.scope)


def _members(config: ScalingConfig) -> Members:
    return {
        "MinExecutionEnvironments": config.min_environment_count,
        "MaxExecutionEnvironments": config.max_environment_count,
    }
