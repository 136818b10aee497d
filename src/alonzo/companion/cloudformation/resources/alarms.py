"""Metric alarms, which the node keeps and looks at.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html.
"""

from alonzo.companion.cloudformation.resources.api_resource import ApiResource
from alonzo.companion.cloudformation.resources.provider import Provider

_NAME_LENGTH = 255


def alarm_providers() -> dict[str, Provider]:
    """By type."""
    return {
        "AWS::CloudWatch::Alarm": ApiResource(
            service="cloudwatch",
            create_operation="put_metric_alarm",
            name="AlarmName",
            name_length=_NAME_LENGTH,
            physical_id="properties.AlarmName",
            identity={"AlarmName": "id"},
            update_operation="put_metric_alarm",
            delete_operation="delete_alarms",
            delete_identity={"AlarmNames": "[id]"},
            creation_only=frozenset({"Tags"}),
            attributes={"Arn": "join(':', ['arn:aws:cloudwatch', region, account, 'alarm', id])"},
        )
    }
