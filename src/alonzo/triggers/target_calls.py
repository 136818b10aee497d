"""What is asked of which service to hand an event to a target that is no function: pure, one branch a kind.

Sources: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html, and for schedules
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html and `managing-targets-universal.html`.
"""

from typing import Any

import msgspec

from alonzo.invoke.destinations.targets import AwsCall, TargetArn
from alonzo.model.scope import Scope
from alonzo.triggers.errors import DeliveryFailed

UNIVERSAL = "aws-sdk:"
"""What the resource of a schedule's universal target begins with: `arn:aws:scheduler:::aws-sdk:sqs:sendMessage`."""

_UNIVERSAL_SERVICES = {"cloudwatchlogs": "logs", "events": "eventbridge", "stepfunctions": "sfn"}
"""Names of AWS's SDK for Java that are not those of boto's variables."""

_UNIVERSAL_PARTS = 3


class CallDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What a target needs to know beside the text.

    `partition_key`: of Kinesis; `subject`: of a message to a topic; `resources`: what an event on a bus is about.
    """

    message_group_id: str | None = None
    partition_key: str = ""
    detail_type: str = ""
    source: str = ""
    subject: str = ""
    resources: tuple[str, ...] = ()


def call_of(target: TargetArn, payload: str, details: CallDetails, *, unique: str) -> AwsCall:  # noqa: PLR0911 - one a kind
    """`unique`: the same in every try. DeliveryFailed for what gets no events here."""
    match target.service, target.resource.partition(":")[0].partition("/")[0]:
        case "sqs", _:
            return message_to_queue(target, payload, group_id=details.message_group_id, unique=unique)
        case "sns", _:
            message = {"TopicArn": target.text, "Message": payload} | ({"Subject": details.subject} if details.subject else {})
            return AwsCall("sns", "Publish", message, target.scope, proof="MessageId")
        case "states", "stateMachine":
            parameters = {"stateMachineArn": target.text, "input": payload, "name": unique}
            return AwsCall("sfn", "StartExecution", parameters, target.scope, proof="executionArn")
        case "kinesis", "stream":
            stream = {"StreamName": _name_of(target), "Data": payload.encode(), "PartitionKey": details.partition_key or unique}
            return AwsCall("kinesis", "PutRecord", stream, target.scope, proof="SequenceNumber")
        case "firehose", "deliverystream":
            record = {"DeliveryStreamName": _name_of(target), "Record": {"Data": payload.encode()}}
            return AwsCall("firehose", "PutRecord", record, target.scope, proof="RecordId")
        case "events", "event-bus":
            entry: dict[str, Any] = {"EventBusName": target.text, "Source": details.source, "DetailType": details.detail_type}
            entry |= {"Detail": payload} | ({"Resources": list(details.resources)} if details.resources else {})
            return AwsCall("eventbridge", "PutEvents", {"Entries": [entry]}, target.scope, proof="Entries")
        case "scheduler", "aws-sdk":
            return _universal(target, payload)
    raise DeliveryFailed(f"{target.text} is of a kind that gets no events here", code="UNSUPPORTED_TARGET", is_worth_retrying=False)


def message_to_queue(
    target: TargetArn, body: str, *, group_id: str | None = None, unique: str = "", attributes: dict[str, Any] | None = None
) -> AwsCall:
    """A message for the queue of that ARN."""
    scope = target.scope
    # Its path is what services read: the call goes to the endpoint.
    url = f"https://sqs.{scope.region}.{'amazonaws.com.cn' if scope.partition == 'aws-cn' else 'amazonaws.com'}"
    parameters: dict[str, Any] = {"QueueUrl": f"{url}/{scope.account_id}/{target.resource}", "MessageBody": body}
    if group_id is not None:
        parameters |= {"MessageGroupId": group_id, "MessageDeduplicationId": unique}
    if attributes:
        parameters["MessageAttributes"] = attributes
    return AwsCall("sqs", "SendMessage", parameters, scope, proof="MessageId")


def universal_function_call(target: TargetArn, payload: str, scope: Scope) -> tuple[TargetArn, str] | None:
    """The function, and its event, of the universal target `aws-sdk:lambda:invoke`; None for another one."""
    if target.service != "scheduler" or target.resource.lower() != "aws-sdk:lambda:invoke":
        return None
    parameters = _parameters(payload)
    name, event = str(parameters.get("FunctionName", "")), parameters.get("Payload", "{}")
    qualifier = parameters.get("Qualifier")
    resource = name.partition(":lambda:")[2].partition(":function:")[2] if name.startswith("arn:") else name
    resource = f"function:{resource}" + (f":{qualifier}" if qualifier else "")
    text = f"arn:{scope.partition}:lambda:{scope.region}:{scope.account_id}:{resource}"
    return TargetArn(text, "lambda", scope, resource), event if isinstance(event, str) else msgspec.json.encode(event).decode()


def _universal(target: TargetArn, payload: str) -> AwsCall:
    parts = target.resource.split(":")
    if len(parts) != _UNIVERSAL_PARTS:
        raise DeliveryFailed(f"{target.text} names no operation", code="UNSUPPORTED_TARGET", is_worth_retrying=False)
    _, service, operation = parts
    service = _UNIVERSAL_SERVICES.get(service, service)
    return AwsCall(service, operation[:1].upper() + operation[1:], _parameters(payload), target.scope, proof="")


def _parameters(payload: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise DeliveryFailed(f"the input is no JSON object: {error}", code="InvalidInput", is_worth_retrying=False) from error


def _name_of(target: TargetArn) -> str:
    return target.resource.partition("/")[2]
