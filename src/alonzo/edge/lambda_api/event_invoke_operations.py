"""The Lambda API's operations on how functions are invoked asynchronously."""

from datetime import UTC, datetime
from typing import Any

from alonzo.aws.pagination import paginate
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.settings.event_invoke import Destinations, EventInvokeChange, EventInvokeConfigs
from alonzo.model.event_invoke_config import EventInvokeConfig
from alonzo.model.names import FunctionReference, refer_to_function

Members = dict[str, Any]

_LIST_PAGE_MAX = 50
"""Source: the constraints of botocore's shape `MaxFunctionEventInvokeConfigListItems`."""


class EventInvokeOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, configs: EventInvokeConfigs) -> None:
        self._configs = configs

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "PutFunctionEventInvokeConfig": self.put_function_event_invoke_config,
            "UpdateFunctionEventInvokeConfig": self.update_function_event_invoke_config,
            "GetFunctionEventInvokeConfig": self.get_function_event_invoke_config,
            "DeleteFunctionEventInvokeConfig": self.delete_function_event_invoke_config,
            "ListFunctionEventInvokeConfigs": self.list_function_event_invoke_configs,
        }

    async def put_function_event_invoke_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return _members(await self._configs.put(_reference(call, parameters), _change(parameters)))

    async def update_function_event_invoke_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return _members(await self._configs.update(_reference(call, parameters), _change(parameters)))

    async def get_function_event_invoke_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return _members(self._configs.get(_reference(call, parameters)))

    async def delete_function_event_invoke_config(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._configs.delete(_reference(call, parameters))
        return {}

    async def list_function_event_invoke_configs(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        page = paginate(
            self._configs.list_configs(_reference(call, parameters)),
            sort_key=lambda config: (config.qualifier,),
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _LIST_PAGE_MAX,
        )
        return {"FunctionEventInvokeConfigs": list(map(_members, page.items)), "NextMarker": page.next_marker}


def _reference(call: CallContext, parameters: dict[str, Any]) -> FunctionReference:
    return refer_to_function(parameters["FunctionName"], parameters.get("Qualifier"), call.caller.scope)


def _change(parameters: dict[str, Any]) -> EventInvokeChange:
    return EventInvokeChange(
        maximum_retry_attempts=parameters.get("MaximumRetryAttempts"),
        maximum_event_age_seconds=parameters.get("MaximumEventAgeInSeconds"),
        destinations=_destinations(parameters.get("DestinationConfig")),
    )


def _destinations(config: dict[str, Any] | None) -> Destinations | None:
    """An empty ARN is none."""
    if config is None:
        return None
    on_success, on_failure = ((config.get(name) or {}).get("Destination") or None for name in ("OnSuccess", "OnFailure"))
    return Destinations(on_success_arn=on_success, on_failure_arn=on_failure)


def _members(config: EventInvokeConfig) -> Members:
    return {
        "LastModified": datetime.fromtimestamp(config.last_modified_unix_ms / 1000, UTC),
        "FunctionArn": config.function_arn,
        "MaximumRetryAttempts": config.maximum_retry_attempts,
        "MaximumEventAgeInSeconds": config.maximum_event_age_seconds,
        "DestinationConfig": {
            "OnSuccess": {"Destination": config.on_success_arn},
            "OnFailure": {"Destination": config.on_failure_arn},
        },
    }
