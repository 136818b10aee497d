"""The Lambda API's operations on reserved and provisioned concurrency."""

from typing import Any

from alonzo.aws.pagination import paginate
from alonzo.edge.lambda_api.function_responses import Members
from alonzo.edge.lambda_api.timestamps import lambda_timestamp
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.settings.concurrency import ReservedConcurrency
from alonzo.functions.settings.provisioned import Provision, ProvisionedConcurrency
from alonzo.model.names import FunctionReference, refer_to_function

_LIST_PAGE_MAX = 50
"""Source: botocore shape `MaxProvisionedConcurrencyConfigListItems`."""


class ConcurrencyOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, reserved: ReservedConcurrency, provisioned: ProvisionedConcurrency) -> None:
        self._reserved = reserved
        self._provisioned = provisioned

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "PutFunctionConcurrency": self.put_function_concurrency,
            "GetFunctionConcurrency": self.get_function_concurrency,
            "DeleteFunctionConcurrency": self.delete_function_concurrency,
            "PutProvisionedConcurrencyConfig": self.put_provisioned_concurrency_config,
            "GetProvisionedConcurrencyConfig": self.get_provisioned_concurrency_config,
            "DeleteProvisionedConcurrencyConfig": self.delete_provisioned_concurrency_config,
            "ListProvisionedConcurrencyConfigs": self.list_provisioned_concurrency_configs,
        }

    async def put_function_concurrency(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        count = await self._reserved.put(_reference(call, parameters), parameters["ReservedConcurrentExecutions"])
        return {"ReservedConcurrentExecutions": count}

    async def get_function_concurrency(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return {"ReservedConcurrentExecutions": self._reserved.find(_reference(call, parameters))}

    async def delete_function_concurrency(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._reserved.delete(_reference(call, parameters))
        return {}

    async def put_provisioned_concurrency_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return _members(await self._provisioned.put(_reference(call, parameters), parameters["ProvisionedConcurrentExecutions"]))

    async def get_provisioned_concurrency_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return _members(self._provisioned.get(_reference(call, parameters)))

    async def delete_provisioned_concurrency_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._provisioned.delete(_reference(call, parameters))
        return {}

    async def list_provisioned_concurrency_configs(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        page = paginate(
            self._provisioned.list_of_function(_reference(call, parameters)),
            sort_key=lambda provision: (provision.arn,),
            marker=parameters.get("Marker") or None,
            limit=min(parameters.get("MaxItems") or _LIST_PAGE_MAX, _LIST_PAGE_MAX),
        )
        configs = [{"FunctionArn": provision.arn, **_members(provision)} for provision in page.items]
        return {"ProvisionedConcurrencyConfigs": configs, "NextMarker": page.next_marker}


def _reference(call: CallContext, parameters: dict[str, Any]) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], parameters.get("Qualifier"), call.caller.scope)


def _members(provision: Provision) -> Members:
    return {
        "RequestedProvisionedConcurrentExecutions": provision.config.requested_count,
        "AllocatedProvisionedConcurrentExecutions": provision.available_count,
        "AvailableProvisionedConcurrentExecutions": provision.available_count,
        "Status": provision.status.value,
        "StatusReason": provision.failure,
        "LastModified": lambda_timestamp(provision.config.last_modified_unix_ms),
    }
