"""Log groups, log streams, the functions that are subscribed to them and the metrics that are counted of them.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Logs.html.
"""

from typing import Any

from alonzo.companion.cloudformation.resources.api_resource import ApiResource
from alonzo.companion.cloudformation.resources.provider import Existing, Made, Provider, Wanted, changed

_NAME_LENGTH = 512
_SETTINGS = {"LogGroupClass": "logGroupClass", "KmsKeyId": "kmsKeyId"}


class LogGroupProvider:
    """A `Provider` of log groups: their names, how long they keep events, their tags, class and key."""

    def create(self, wanted: Wanted) -> Made:
        """Empty."""
        name = str(wanted.properties.get("LogGroupName") or wanted.new_name(longest=_NAME_LENGTH))
        client = wanted.client("logs")
        settings: dict[str, Any] = {member: wanted.properties[name] for name, member in _SETTINGS.items() if name in wanted.properties}
        if tags := _tags_of(wanted):
            settings["tags"] = tags
        client.create_log_group(logGroupName=name, **settings)
        if "RetentionInDays" in wanted.properties:
            _keep(client, name, wanted)
        return Made(physical_id=name, attributes={"Arn": f"arn:aws:logs:{wanted.region}:{wanted.account_id}:log-group:{name}:*"})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Of another name or class it is another one."""
        return changed(wanted, existing, "LogGroupName") or changed(wanted, existing, "LogGroupClass")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """What it keeps and its tags follow."""
        client, name = wanted.client("logs"), existing.physical_id
        if "RetentionInDays" in wanted.properties:
            _keep(client, name, wanted)
        else:
            client.delete_retention_policy(logGroupName=name)
        tags, there = _tags_of(wanted), client.list_tags_log_group(logGroupName=name)["tags"]
        if gone := [key for key in there if key not in tags]:
            client.untag_log_group(logGroupName=name, tags=gone)
        if tags:
            client.tag_log_group(logGroupName=name, tags=tags)
        return Made(physical_id=existing.physical_id, attributes=existing.attributes)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With all that was logged."""
        client = wanted.client("logs")
        try:
            client.delete_log_group(logGroupName=existing.physical_id)
        except client.exceptions.ResourceNotFoundException:
            return


def _keep(client: Any, name: str, wanted: Wanted) -> None:
    client.put_retention_policy(logGroupName=name, retentionInDays=int(wanted.properties["RetentionInDays"]))


def _tags_of(wanted: Wanted) -> dict[str, str]:
    return {str(tag["Key"]): str(tag["Value"]) for tag in wanted.properties.get("Tags") or ()}


def log_providers() -> dict[str, Provider]:
    """By type."""
    return {
        "AWS::Logs::LogGroup": LogGroupProvider(),
        "AWS::Logs::LogStream": ApiResource(
            service="logs",
            create_operation="create_log_stream",
            name="LogStreamName",
            physical_id="properties.LogStreamName",
            identity={"logGroupName": "properties.LogGroupName", "logStreamName": "id"},
            delete_operation="delete_log_stream",
        ),
        "AWS::Logs::MetricFilter": ApiResource(
            service="logs",
            create_operation="put_metric_filter",
            name="FilterName",
            name_length=_NAME_LENGTH,
            physical_id="properties.FilterName",
            identity={"logGroupName": "properties.LogGroupName", "filterName": "id"},
            update_operation="put_metric_filter",
            delete_operation="delete_metric_filter",
            replaced_by=frozenset({"LogGroupName"}),
        ),
        "AWS::Logs::SubscriptionFilter": ApiResource(
            service="logs",
            create_operation="put_subscription_filter",
            name="FilterName",
            physical_id="properties.FilterName",
            identity={"logGroupName": "properties.LogGroupName", "filterName": "id"},
            update_operation="put_subscription_filter",
            delete_operation="delete_subscription_filter",
            replaced_by=frozenset({"LogGroupName"}),
        ),
    }
