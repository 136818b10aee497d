"""PutBucketNotificationConfiguration and its counterpart, with what S3 checks before it takes a configuration.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html.
"""

from itertools import combinations
from typing import Any, NoReturn

import botocore.exceptions
import moto.s3.models
import moto.s3.responses
import moto.sns.models
import moto.sqs.models
import xmltodict
from moto.core.responses import ActionResult, EmptyResult
from moto.s3.exceptions import InvalidArgumentError, InvalidNotificationARN, InvalidNotificationDestination, MalformedXML
from moto.s3.notifications import S3NotificationEvent

from alonzo.companion.functions import Functions
from alonzo.companion.permissions import service_may_invoke

_KINDS = {"CloudFunction": "lambda", "Queue": "sqs", "Topic": "sns"}
_ARN_NAMES = {"CloudFunction": "LambdaFunctionArn", "Queue": "QueueArn", "Topic": "TopicArn"}
_INVALID_DESTINATION = "Unable to validate the following destination configurations"
_AMBIGUOUS = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same "
    "event type."
)
_ARN_PARTS = 6


def check_settings_with(functions: Functions) -> None:
    """Have S3 take configurations as S3 does."""
    responses: Any = moto.s3.responses.S3Response

    def read_configuration(self: Any) -> dict[str, Any]:
        bucket = self.backend.get_bucket(self.bucket_name)
        configuration = _parse(self.body)
        destinations = [(kind, each) for kind in _KINDS for each in configuration.get(f"{kind}Configuration", ())]
        for _, each in destinations:
            _check_rule(each)
        for (_, one), (_, other) in combinations(destinations, 2):
            if _overlap(one, other):
                _refuse(_AMBIGUOUS, "", "")
        is_checked = str(self.headers.get("x-amz-skip-destination-validation", "")).lower() != "true"
        for kind, each in destinations:
            _check_arn(kind, each[kind], region=bucket.region_name)
            if is_checked:
                _check_destination(functions, kind, each[kind], bucket)
        return configuration

    def get_bucket_notification(self: Any) -> Any:
        configuration = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if not configuration:
            return self.serialized(EmptyResult())
        self.data["Action"] = "GetBucketNotificationConfiguration"
        result: dict[str, Any] = {
            "TopicConfigurations": [_shown("Topic", each) for each in configuration.topic],
            "QueueConfigurations": [_shown("Queue", each) for each in configuration.queue],
            "LambdaFunctionConfigurations": [_shown("CloudFunction", each) for each in configuration.cloud_function],
        }
        if configuration.event_bridge is not None:
            result["EventBridgeConfiguration"] = {}
        return self.serialized(ActionResult(result))

    responses._notification_config_from_body = read_configuration
    responses.get_bucket_notification = get_bucket_notification


def _parse(body: bytes) -> dict[str, Any]:
    """What moto's backend wants: lists where there may be several."""
    try:
        content = xmltodict.parse(body)["NotificationConfiguration"] or {}
    except Exception as error:  # of the XML parser: whatever it cannot read
        raise MalformedXML from error
    configuration: dict[str, Any] = {}
    for kind in _KINDS:
        found = [dict(each) for each in _as_list(content.get(f"{kind}Configuration"))]
        for each in found:
            if not isinstance(each.get(kind), str) or not each.get("Event"):
                raise MalformedXML
            each["Event"] = _as_list(each["Event"])
            rules = _filter_rules(each.pop("Filter", None))
            if rules:
                each["Filter"] = {"S3Key": {"FilterRule": rules}}
        if found:
            configuration[f"{kind}Configuration"] = found
    if "EventBridgeConfiguration" in content:
        configuration["EventBridgeConfiguration"] = {}
    return configuration


def _filter_rules(content: Any) -> list[dict[str, str]]:
    if not content:
        return []
    if not isinstance(content, dict) or not content.get("S3Key"):
        raise MalformedXML
    return [
        {"Name": str(rule.get("Name")).lower(), "Value": str(rule.get("Value") or "")}
        for rule in _as_list(content["S3Key"].get("FilterRule"))
    ]


def _check_rule(rule: dict[str, Any]) -> None:
    for event in rule["Event"]:
        if event not in S3NotificationEvent.events():
            _refuse("The event is not supported for notifications", "Event", event)
    names = [each["Name"] for each in _rules_of(rule)]
    for name in names:
        if name not in ("prefix", "suffix"):
            _refuse("filter rule name must be either prefix or suffix", "FilterRule.Name", name)
        if names.count(name) > 1:
            _refuse(f"Cannot specify more than one {name} rule in a filter.", "FilterRule.Name", name)


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether one event could be for both."""
    if not any(_events_overlap(first, second) for first in one["Event"] for second in other["Event"]):
        return False
    (prefix, suffix), (other_prefix, other_suffix) = _affixes(one), _affixes(other)
    prefixes_overlap = prefix.startswith(other_prefix) or other_prefix.startswith(prefix)
    return prefixes_overlap and (suffix.endswith(other_suffix) or other_suffix.endswith(suffix))


def _events_overlap(one: str, other: str) -> bool:
    return one == other or any(
        wide.endswith(":*") and narrow.startswith(wide.removesuffix("*")) for wide, narrow in ((one, other), (other, one))
    )


def _affixes(rule: dict[str, Any]) -> tuple[str, str]:
    values = {each["Name"]: each["Value"] for each in _rules_of(rule)}
    return values.get("prefix", ""), values.get("suffix", "")


def _rules_of(rule: dict[str, Any]) -> list[dict[str, str]]:
    rules: list[dict[str, str]] = rule.get("Filter", {}).get("S3Key", {}).get("FilterRule", [])
    return rules


def _check_arn(kind: str, arn: str, *, region: str) -> None:
    elements = arn.split(":")
    if len(elements) < _ARN_PARTS or elements[0] != "arn" or elements[2] != _KINDS[kind]:
        raise InvalidNotificationARN
    if elements[3] != region:
        raise InvalidNotificationDestination


def _check_destination(functions: Functions, kind: str, arn: str, bucket: Any) -> None:
    _, _, _, region, account_id, name, *_ = arn.split(":")
    if kind == "CloudFunction":
        _check_function(functions, arn, bucket)
    elif kind == "Queue" and name not in moto.sqs.models.sqs_backends[account_id][region].queues:
        _refuse(_INVALID_DESTINATION, arn, "The destination queue does not exist")
    elif kind == "Topic" and arn not in moto.sns.models.sns_backends[account_id][region].topics:
        _refuse(_INVALID_DESTINATION, arn, "The destination topic does not exist")


def _check_function(functions: Functions, arn: str, bucket: Any) -> None:
    """S3 asks the function's resource policy, and no other: nobody but the function's owner can grant it."""
    try:
        is_allowed = service_may_invoke(functions, arn, service="s3.amazonaws.com", source_arn=bucket.arn, source_account=bucket.account_id)
    except botocore.exceptions.ClientError:
        _refuse(_INVALID_DESTINATION, f"{arn}, null", f"The destination Lambda function {arn} cannot be asked for")
    if not is_allowed:
        _refuse(_INVALID_DESTINATION, f"{arn}, null", f"Not authorized to invoke function [{arn}]")


def _refuse(message: str, name: str, value: str) -> NoReturn:
    raise InvalidArgumentError(message, name, value)


def _shown(kind: str, notification: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {"Id": notification.id, _ARN_NAMES[kind]: notification.arn, "Events": notification.events}
    if notification.filters:
        rules = notification.filters["S3Key"]["FilterRule"]
        shown["Filter"] = {"Key": {"FilterRules": [{"Name": rule["Name"].capitalize(), "Value": rule["Value"]} for rule in rules]}}
    return shown


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
