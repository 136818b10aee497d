"""The part of the CloudWatch Logs API with which functions are subscribed to log groups.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html; of the messages: AWS's answers,
as people have reported them.
"""

from typing import Any, Protocol

from alonzo.aws.api_error import ApiError
from alonzo.clock import Clock
from alonzo.edge.log_requests import checked_pattern, group_of, invalid, offset_of
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.errors import AlonzoError
from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.policies.evaluation import Requester, is_allowed
from alonzo.functions.resolution import Resolution
from alonzo.model.log_group import SubscriptionFilter
from alonzo.model.names import FunctionReference, refer_to_function
from alonzo.model.policy import ResourcePolicy
from alonzo.model.scope import Scope
from alonzo.triggers.log_groups import LogGroups

_LIMIT = 50
Members = dict[str, Any]


class Policies(Protocol):
    """Resource policies of functions (`FunctionPolicies`)."""

    def find(self, reference: FunctionReference) -> ResourcePolicy | None: ...


class LogSubscriptionOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, groups: LogGroups, resolution: Resolution, policies: Policies, clock: Clock) -> None:
        self._groups = groups
        self._resolution = resolution
        self._policies = policies
        self._clock = clock

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `logs` model."""
        return {
            "PutSubscriptionFilter": self.put_subscription_filter,
            "DescribeSubscriptionFilters": self.describe_subscription_filters,
            "DeleteSubscriptionFilter": self.delete_subscription_filter,
        }

    async def put_subscription_filter(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group = call.caller.scope, group_of(parameters)
        checked_pattern(parameters["filterPattern"])
        await self._groups.check_group(scope, group)
        self._check_destination(scope, group, parameters["destinationArn"])
        earlier = next((each for each in self._groups.filters_of(scope, group) if each.name == parameters["filterName"]), None)
        new = SubscriptionFilter(
            name=parameters["filterName"],
            pattern=parameters["filterPattern"],
            destination_arn=parameters["destinationArn"],
            created_unix_ms=self._clock.unix_ms() if earlier is None else earlier.created_unix_ms,
            role_arn=parameters.get("roleArn"),
            distribution=parameters.get("distribution") or "ByLogStream",
        )
        await self._groups.put_filter(scope, group, new)
        return {}

    async def describe_subscription_filters(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group = call.caller.scope, group_of(parameters)
        await self._groups.check_group(scope, group)
        prefix = parameters.get("filterNamePrefix") or ""
        filters = sorted(self._groups.filters_of(scope, group), key=lambda each: each.name)
        found = [_described(group, each) for each in filters if each.name.startswith(prefix)]
        start, limit = offset_of(parameters.get("nextToken")), parameters.get("limit") or _LIMIT
        return {
            "subscriptionFilters": found[start : start + limit],
            "nextToken": str(start + limit) if start + limit < len(found) else None,
        }

    async def delete_subscription_filter(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._groups.delete_filter(call.caller.scope, group_of(parameters), parameters["filterName"])
        return {}

    def _check_destination(self, scope: Scope, group: str, arn: str) -> None:
        """CloudWatch Logs invokes the function to see whether it may: asking its resource policy tells the same."""
        service = arn.split(":")[2:3]
        if service != ["lambda"]:
            raise ApiError(
                code="InvalidParameterException",
                message=f"Alonzo delivers log events to functions only: {arn} is none.",
                http_status=400,
            )
        try:
            target = refer_to_function(arn, None, scope)
            self._resolution.get_version(target)
        except FunctionNotFound as error:
            raise invalid("Could not execute the lambda function. Make sure the function exists.") from error
        except AlonzoError as error:
            raise invalid(f"destinationArn is not valid: {error}") from error
        requester = Requester(service="logs.amazonaws.com")
        regional = Requester(service=f"logs.{scope.region}.amazonaws.com")
        source = f"arn:{scope.partition}:logs:{scope.region}:{scope.account_id}:log-group:{group}:*"
        conditions = {"aws:SourceArn": source, "aws:SourceAccount": scope.account_id}
        policy = self._policies.find(target)
        if not any(is_allowed(policy, "lambda:InvokeFunction", each, conditions) for each in (requester, regional)):
            raise invalid(
                "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function."
            )


def _described(group: str, subscription: SubscriptionFilter) -> Members:
    return {
        "filterName": subscription.name,
        "logGroupName": group,
        "filterPattern": subscription.pattern,
        "destinationArn": subscription.destination_arn,
        "roleArn": subscription.role_arn,
        "distribution": subscription.distribution,
        "applyOnTransformedLogs": False,
        "creationTime": subscription.created_unix_ms,
    }
