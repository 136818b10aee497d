"""Log groups, log streams and the functions that are subscribed to them.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Logs.html.
"""

from alonzo.companion.cloudformation.resources.api_resource import ApiResource
from alonzo.companion.cloudformation.resources.provider import Existing, Made, Provider, Wanted, changed

_NAME_LENGTH = 512


class LogGroupProvider:
    """A `Provider` of log groups by name; nothing else about them has an effect here."""

    def create(self, wanted: Wanted) -> Made:
        """Empty."""
        name = str(wanted.properties.get("LogGroupName") or wanted.new_name(longest=_NAME_LENGTH))
        wanted.client("logs").create_log_group(logGroupName=name)
        return Made(physical_id=name, attributes={"Arn": f"arn:aws:logs:{wanted.region}:{wanted.account_id}:log-group:{name}:*"})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Of another name it is another one."""
        return changed(wanted, existing, "LogGroupName")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """It stays as it is."""
        del wanted
        return Made(physical_id=existing.physical_id, attributes=existing.attributes)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """With all that was logged."""
        client = wanted.client("logs")
        try:
            client.delete_log_group(logGroupName=existing.physical_id)
        except client.exceptions.ResourceNotFoundException:
            return


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
