"""What is sent to which kind of target: pure, one function a kind.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alonzo.invoke.destinations.records import dead_letter_attributes, dead_letter_body, is_success, qualified_arn
from alonzo.model.asynchronous import EventOutcome
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope

_ARN_PARTS = 6
_FUNCTION_RESOURCE = "function:"
_TRACE_HEADER_MAX_LENGTH = 500
"""Source: botocore shape `TraceHeader` of EventBridge."""

_TRACE_ROOT = re.compile(r"(?:.*;)?Root=1-[0-9a-f]{8}-[0-9a-f]{24}(?:;.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TargetArn:
    """An ARN, taken apart. `scope` is the function's where the ARN says nothing (of a bucket)."""

    text: str
    service: str
    scope: Scope
    resource: str

    def function(self) -> FunctionReference:
        """The function that an ARN of `lambda` names."""
        name, _, qualifier = self.resource.removeprefix(_FUNCTION_RESOURCE).partition(":")
        return FunctionReference(self.scope, name, qualifier or None)


@dataclass(frozen=True, slots=True)
class AwsCall:
    """What `AwsClients.call` is asked for."""

    service: str
    operation: str
    parameters: dict[str, Any]
    scope: Scope
    proof: str
    """What the answer of a service that did it holds: something else may listen there, and answer 200 to everything."""


def parse_target(text: str, function_scope: Scope) -> TargetArn | None:
    """None for what is no ARN."""
    parts = text.split(":", _ARN_PARTS - 1)
    if len(parts) != _ARN_PARTS:
        return None
    _, partition, service, region, account_id, resource = parts
    scope = Scope(account_id or function_scope.account_id, region or function_scope.region, partition or function_scope.partition)
    return TargetArn(text, service, scope, resource)


def record_call(target: TargetArn, outcome: EventOutcome, record: bytes, *, unique: str) -> AwsCall | None:
    """The call that brings a record to its destination; None for a service that takes none. `unique` is a random UUID."""
    match target.service:
        case "sqs":
            return _message_to_queue(target, record.decode(), {}, outcome)
        case "sns":
            return _message_to_topic(target, record.decode(), {})
        case "events":
            return _event(target, outcome, record)
        case "s3":
            return AwsCall("s3", "PutObject", _object(target, outcome, record, unique), target.scope, proof="ETag")
        case _:
            return None


def dead_letter_call(target: TargetArn, outcome: EventOutcome) -> AwsCall | None:
    """The call that brings an event to the dead-letter queue; None for what is neither queue nor topic."""
    body, attributes = dead_letter_body(outcome), dead_letter_attributes(outcome)
    match target.service:
        case "sqs":
            return _message_to_queue(target, body, attributes, outcome)
        case "sns":
            return _message_to_topic(target, body, attributes)
        case _:
            return None


def _message_to_queue(target: TargetArn, body: str, attributes: dict[str, Any], outcome: EventOutcome) -> AwsCall:
    parameters: dict[str, Any] = {
        # Its path is what services read: the call goes to the endpoint.
        "QueueUrl": f"https://sqs.{target.scope.region}.{_domain(target.scope)}/{target.scope.account_id}/{target.resource}",
        "MessageBody": body,
    }
    trace_header = _trace_header(outcome)
    if trace_header is not None:
        parameters["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace_header}}
    if attributes:
        parameters["MessageAttributes"] = attributes
    return AwsCall("sqs", "SendMessage", parameters, target.scope, proof="MessageId")


def _message_to_topic(target: TargetArn, body: str, attributes: dict[str, Any]) -> AwsCall:
    parameters: dict[str, Any] = {"TopicArn": target.text, "Message": body}
    if attributes:
        parameters["MessageAttributes"] = attributes
    return AwsCall("sns", "Publish", parameters, target.scope, proof="MessageId")


def _event(target: TargetArn, outcome: EventOutcome, record: bytes) -> AwsCall:
    result = "Success" if is_success(outcome) else "Failure"
    entry: dict[str, Any] = {
        "EventBusName": target.text,
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {result}",
        "Resources": [target.text, qualified_arn(outcome)],
        "Detail": record.decode(),
        "Time": datetime.fromtimestamp(outcome.ended_unix_ms // 1000, UTC),
    }
    trace_header = _trace_header(outcome)
    if trace_header is not None:
        entry["TraceHeader"] = trace_header
    return AwsCall("eventbridge", "PutEvents", {"Entries": [entry]}, target.scope, proof="Entries")


def _object(target: TargetArn, outcome: EventOutcome, record: bytes, unique: str) -> dict[str, Any]:
    ended_at = datetime.fromtimestamp(outcome.ended_unix_ms / 1000, UTC)
    return {
        "Bucket": target.resource,
        "Key": f"aws/lambda/async/{outcome.event.function_name}/{ended_at:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{unique}",
        "Body": record,
        "ContentType": "application/json",
    }


def _trace_header(outcome: EventOutcome) -> str | None:
    """The function's, if it is one: clients may have sent anything, and services refuse messages with what they do not understand."""
    header = outcome.event.trace_header
    return header if len(header) <= _TRACE_HEADER_MAX_LENGTH and _TRACE_ROOT.fullmatch(header) else None


def _domain(scope: Scope) -> str:
    return "amazonaws.com.cn" if scope.partition == "aws-cn" else "amazonaws.com"
