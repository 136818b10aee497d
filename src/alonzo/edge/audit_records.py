"""One call of an AWS API as a record in CloudTrail's form: who, what, with which result; never code, never secrets.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import Caller
from alonzo.aws.requests import Headers
from alonzo.aws.service_description import Operation
from alonzo.aws.service_model import ServiceModel

EVENT_VERSION = "1.11"
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_READ_ONLY = re.compile(
    r"(?:Get|List|Describe|Lookup|BatchGet|Filter|Test|Head|Search|Simulate|Validate|GenerateDataKey|AssumeRole)(?:[A-Z].*)?|(?:De|En)crypt"
)
"""As the examples of services in CloudTrail's form show it: who gets credentials, or has something encrypted, changes nothing."""

_DATED = re.compile(r"/(20[0-9]{2})-([0-9]{2})-([0-9]{2})/")
_UNDATED_FROM = "2019-01-01"
"""Operations of Lambda that came later than this are called by their plain names."""

_SECOND_VERSIONS = frozenset(
    {
        *("AddPermission", "RemovePermission", "GetPolicy", "GetFunction", "GetFunctionConfiguration"),
        *("UpdateFunctionCode", "UpdateFunctionConfiguration", "TagResource", "UntagResource"),
    }
)
"""Whose names end in `v2`, as CloudTrail shows them: UpdateFunctionCode20150331v2."""

DATA_EVENTS: Mapping[str, frozenset[str]] = {
    "lambda": frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"}),
    "logs": frozenset({"PutLogEvents", "GetLogEvents", "FilterLogEvents"}),
    "xray": frozenset(
        {
            *("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"),
            *("BatchGetTraces", "GetTraceSummaries", "GetServiceGraph", "GetTraceGraph"),
        }
    ),
    "monitoring": frozenset({"PutMetricData", "GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage", "ListMetrics"}),
    "s3": frozenset(
        {
            *("HeadBucket", "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"),
            *("DeleteObjects", "PostObject"),
        }
    ),
    "dynamodb": frozenset(
        {
            *("PutItem", "GetItem", "DeleteItem", "UpdateItem", "BatchGetItem", "BatchWriteItem", "Query", "Scan"),
            *("TransactGetItems", "TransactWriteItems", "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"),
            *("GetRecords", "GetShardIterator"),
        }
    ),
    "sqs": frozenset(
        {
            *("SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch"),
            *("ChangeMessageVisibility", "ChangeMessageVisibilityBatch"),
        }
    ),
    "sns": frozenset({"Publish", "PublishBatch"}),
    "kinesis": frozenset({"PutRecord", "PutRecords", "GetRecords", "GetShardIterator", "SubscribeToShard"}),
    "firehose": frozenset({"PutRecord", "PutRecordBatch"}),
    "events": frozenset({"PutEvents"}),
    "rds-data": frozenset({"ExecuteStatement", "BatchExecuteStatement", "BeginTransaction", "CommitTransaction", "RollbackTransaction"}),
}
"""What is not a management event, and not recorded unless a trail asks for it: the use of resources, by the service.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/logging_cw_api_calls_cwl.html,
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-cloudtrail.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html.
"""

_LEFT_OUT = frozenset({"ZipFile", "Environment", "Payload", "CodeSha256Bytes"})
"""Code, and what may hold secrets."""
_TEXT_MAX = 4_096
_ITEMS_MAX = 100
_RESOURCE_MEMBERS = {
    "FunctionName": "AWS::Lambda::Function",
    "LayerName": "AWS::Lambda::LayerVersion",
    "logGroupName": "AWS::Logs::LogGroup",
    "Resource": "AWS::Lambda::Function",
    "UUID": "AWS::Lambda::EventSourceMapping",
    "AlarmName": "AWS::CloudWatch::Alarm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedCall:
    """A call that has been answered. `result`, or `error`."""

    caller: Caller
    model: ServiceModel
    operation: Operation
    request_id: str
    headers: Headers
    client: tuple[str, int] | None
    parameters: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: ApiError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFacts:
    """What a record of any service's call consists of. `error`: code and message."""

    caller: Caller
    service: str
    event_name: str
    operation: str
    request_id: str
    headers: Headers
    client: tuple[str, int] | None
    error: tuple[str, str] | None


def is_management_event(call: AuditedCall) -> bool:
    """Whether it is about resources, and not their use."""
    return call.operation.name not in DATA_EVENTS.get(call.model.service, frozenset())


def event_name(service: str, operation: Operation) -> str:
    """As CloudTrail calls it: Lambda's older operations end in the date of their API."""
    date = _DATED.match(operation.http.request_uri)
    if service != "lambda" or date is None or "-".join(date.groups()) >= _UNDATED_FROM:
        return operation.name
    suffix = "v2" if operation.name in _SECOND_VERSIONS else ""
    return f"{operation.name}{''.join(date.groups())}{suffix}"


def audit_record(call: AuditedCall, *, event_id: str, at: datetime) -> dict[str, Any]:
    """The record of a call of a service of ours."""
    error = call.error
    facts = AuditFacts(
        caller=call.caller,
        service=call.model.service,
        event_name=event_name(call.model.service, call.operation),
        operation=call.operation.name,
        request_id=call.request_id,
        headers=call.headers,
        client=call.client,
        error=None if error is None else (error.code, error.message or ""),
    )
    record = record_of(facts, event_id=event_id, at=at)
    record["requestParameters"] = _shown(call.model, call.operation.input, call.parameters)
    if call.result and not record["readOnly"]:
        record["responseElements"] = _shown(call.model, call.operation.output, call.result)
    resources = _resources(call)
    if resources:
        record["resources"] = resources
    return record


def record_of(facts: AuditFacts, *, event_id: str, at: datetime) -> dict[str, Any]:
    """The record of a call, without what was said."""
    scope = facts.caller.scope
    record: dict[str, Any] = {
        "eventVersion": EVENT_VERSION,
        "userIdentity": _identity(facts.caller),
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{facts.service}.amazonaws.com",
        "eventName": facts.event_name,
        "awsRegion": scope.region,
        "sourceIPAddress": "127.0.0.1" if facts.client is None else facts.client[0],
        "userAgent": _user_agent(facts.headers),
        "requestParameters": None,
        "responseElements": None,
        "requestID": facts.request_id,
        "eventID": event_id,
        "readOnly": _READ_ONLY.fullmatch(facts.operation) is not None,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": scope.account_id,
        "eventCategory": "Management",
    }
    if facts.error is not None:
        record["errorCode"], record["errorMessage"] = (text[:_TEXT_MAX] for text in facts.error)
    return record


def user_name(record: Mapping[str, Any]) -> str:
    """Who has called, in one word."""
    identity = record["userIdentity"]
    return str(identity.get("userName") or ("root" if identity.get("type") == "Root" else ""))


def _identity(caller: Caller) -> dict[str, Any]:
    """Signatures are not verified: the account is what the access key names, and nothing is known of users."""
    scope = caller.scope
    if caller.access_key_id is None:
        return {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    return {
        "type": "Root",
        "principalId": scope.account_id,
        "arn": f"arn:{scope.partition}:iam::{scope.account_id}:root",
        "accountId": scope.account_id,
        "accessKeyId": caller.access_key_id,
    }


def _resources(call: AuditedCall) -> list[dict[str, str]]:
    """What it was about, by names."""
    found = []
    for member, kind in _RESOURCE_MEMBERS.items():
        value = call.parameters.get(member)
        if isinstance(value, str):
            found.append({"type": kind, "ARN": value[:_TEXT_MAX], "accountId": call.caller.scope.account_id})
    return found


def _user_agent(headers: Headers) -> str:
    return next((value.decode("latin-1")[:_TEXT_MAX] for name, value in headers if name == b"user-agent"), "")


def _shown(model: ServiceModel, reference: Any, members: Mapping[str, Any]) -> dict[str, Any] | None:
    shown = None if reference is None else _value(model, reference.shape, members)
    return shown or None


def _value(model: ServiceModel, shape_name: str, value: Any) -> Any:
    shape = model.shape(shape_name)
    if shape.sensitive:
        return HIDDEN
    if shape.type == "structure":
        return {
            _lower_first(name): {} if name == "Environment" else _value(model, member.shape, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None and (name not in _LEFT_OUT or name == "Environment")
        }
    if shape.type == "list" and shape.member is not None:
        return [_value(model, shape.member.shape, each) for each in list(value)[:_ITEMS_MAX]]
    if shape.type == "map" and shape.value is not None:
        return {str(key): _value(model, shape.value.shape, each) for key, each in list(value.items())[:_ITEMS_MAX]}
    if shape.type == "blob" or isinstance(value, bytes):
        return HIDDEN
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_TEXT_MAX]
    if value is None or isinstance(value, bool | int | float):
        return value
    return value.strftime("%b %d, %Y, %I:%M:%S %p") if isinstance(value, datetime) else str(value)[:_TEXT_MAX]


def _lower_first(name: str) -> str:
    """`functionName`, `uUID`, `s3Bucket`: as CloudTrail writes them."""
    return name[:1].lower() + name[1:]
