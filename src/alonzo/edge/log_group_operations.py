"""The part of the CloudWatch Logs API that is about log groups themselves: their life, how long they keep events, their tags.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/.
"""

import re
from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.edge.log_requests import group_arn, group_of, invalid, offset_of
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.model.log_group import RETENTION_DAYS
from alonzo.model.scope import Scope
from alonzo.triggers.log_groups import LogGroups

_LIMIT = 50
_ARN = re.compile(r"arn:[a-z-]+:logs:[^:]*:[^:]*:log-group:(?P<group>[^:]+)(?::\*)?")
Members = dict[str, Any]


class LogGroupOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, groups: LogGroups) -> None:
        self._groups = groups

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `logs` model."""
        return {
            "CreateLogGroup": self.create_log_group,
            "DeleteLogGroup": self.delete_log_group,
            "DeleteRetentionPolicy": self.delete_retention_policy,
            "DescribeLogGroups": self.describe_log_groups,
            "ListTagsForResource": self.list_tags_for_resource,
            "ListTagsLogGroup": self.list_tags_log_group,
            "PutRetentionPolicy": self.put_retention_policy,
            "TagLogGroup": self.tag_log_group,
            "TagResource": self.tag_resource,
            "UntagLogGroup": self.untag_log_group,
            "UntagResource": self.untag_resource,
        }

    async def create_log_group(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        if parameters.get("deletionProtectionEnabled"):
            raise invalid("Alonzo does not protect log groups from deletion.")
        await self._groups.create_group(
            call.caller.scope,
            group_of(parameters),
            tags=parameters.get("tags") or {},
            group_class=parameters.get("logGroupClass") or "STANDARD",
            kms_key_id=parameters.get("kmsKeyId"),
        )
        return {}

    async def delete_log_group(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._groups.delete_group(call.caller.scope, group_of(parameters))
        return {}

    async def put_retention_policy(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        days = parameters["retentionInDays"]
        if days not in RETENTION_DAYS:
            raise invalid(
                f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
                f"Member must satisfy enum value set: {list(RETENTION_DAYS)}"
            )
        await self._groups.set_retention(call.caller.scope, group_of(parameters), days)
        return {}

    async def delete_retention_policy(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._groups.set_retention(call.caller.scope, group_of(parameters), None)
        return {}

    async def describe_log_groups(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, prefix, pattern = call.caller.scope, parameters.get("logGroupNamePrefix"), parameters.get("logGroupNamePattern")
        if prefix is not None and pattern is not None:
            raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        names = await self._groups.list_groups(scope, prefix or "")
        if pattern is not None:
            names = [name for name in names if pattern in name]
        if identifiers := parameters.get("logGroupIdentifiers"):
            wanted = {group_of({"logGroupIdentifier": each}) for each in identifiers}
            names = [name for name in names if name in wanted]
        if group_class := parameters.get("logGroupClass"):
            names = [name for name in names if (await self._groups.describe_group(scope, name)).group_class == group_class]
        start, limit = offset_of(parameters.get("nextToken")), parameters.get("limit") or _LIMIT
        described = [await self._describe(scope, name) for name in names[start : start + limit]]
        return {"logGroups": described, "nextToken": str(start + limit) if start + limit < len(names) else None}

    async def tag_log_group(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        group = group_of(parameters)
        arn = group_arn(call.caller.scope, group)
        await self._groups.change_tags(call.caller.scope, group, arn=arn, added=parameters["tags"])
        return {}

    async def untag_log_group(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        group = group_of(parameters)
        arn = group_arn(call.caller.scope, group)
        await self._groups.change_tags(call.caller.scope, group, arn=arn, removed=tuple(parameters["tags"]))
        return {}

    async def list_tags_log_group(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return await self._list_tags(call.caller.scope, group_of(parameters))

    async def tag_resource(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        group, arn = _tagged(parameters), parameters["resourceArn"]
        await self._groups.change_tags(call.caller.scope, group, arn=arn, added=parameters["tags"])
        return {}

    async def untag_resource(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        group, arn = _tagged(parameters), parameters["resourceArn"]
        await self._groups.change_tags(call.caller.scope, group, arn=arn, removed=tuple(parameters["tagKeys"]))
        return {}

    async def list_tags_for_resource(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return await self._list_tags(call.caller.scope, _tagged(parameters))

    async def _list_tags(self, scope: Scope, group: str) -> Members:
        await self._groups.check_group(scope, group)
        kept = self._groups.find(scope, group)
        return {"tags": {} if kept is None else dict(kept.tags)}

    async def _describe(self, scope: Scope, group: str) -> Members:
        kept, arn = await self._groups.describe_group(scope, group), group_arn(scope, group)
        return {
            "logGroupName": group,
            "arn": f"{arn}:*",
            "logGroupArn": arn,
            "creationTime": kept.created_unix_ms,
            "retentionInDays": kept.retention_days,
            "metricFilterCount": len(kept.metric_filters),
            "logGroupClass": kept.group_class,
            "kmsKeyId": kept.kms_key_id,
            "deletionProtectionEnabled": False,
        }


def _tagged(parameters: dict[str, Any]) -> str:
    arn = parameters["resourceArn"]
    match = _ARN.fullmatch(arn)
    if match is None:
        raise ApiError(code="InvalidParameterException", message=f"Alonzo tags log groups only: {arn} is none.", http_status=400)
    return match["group"]
