"""Custom resources: a function is invoked as an event, and says what became of it by a PUT to a URL that the event holds.

The URL is a presigned one of S3, as on AWS; the answer is the object. Its bucket is in an account that nobody has.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html.
"""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Wanted

_ACCOUNT = "000000000001"
_BUCKET = "cloudformation-custom-resource-response"
_TIMEOUT_SECONDS = 3_600
_URL_SECONDS = 7_200
_ANSWER_MAX_BYTES = 4_096
_PAUSE_SECONDS, _PAUSE_MAX_SECONDS = 0.02, 0.5


class CustomResourceProvider:
    """A `Provider`. `ServiceToken` is the ARN of a function, or of a topic."""

    def create(self, wanted: Wanted) -> Made:
        """What the answer says: its physical id, and attributes in `Data`."""
        return self._ask(wanted, "Create", {})

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """The function says so, by another physical id; one that answers for another function cannot."""
        return wanted.properties.get("ServiceToken") != existing.properties.get("ServiceToken")

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """Also where the answer names another physical id, and the old one is to be deleted."""
        old = {"PhysicalResourceId": existing.physical_id, "OldResourceProperties": _as_texts(existing.properties)}
        return self._ask(wanted, "Update", old)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """The function is asked even if it has failed to make it."""
        self._ask(wanted, "Delete", {"PhysicalResourceId": existing.physical_id})

    def _ask(self, wanted: Wanted, request_type: str, more: Mapping[str, Any]) -> Made:
        token = str(wanted.properties.get("ServiceToken", ""))
        request_id = str(uuid.uuid4())
        storage = wanted.clients.client("s3", account_id=_ACCOUNT, region="us-east-1")
        storage.create_bucket(Bucket=_BUCKET)
        url = storage.generate_presigned_url("put_object", Params={"Bucket": _BUCKET, "Key": request_id}, ExpiresIn=_URL_SECONDS)
        event = {
            "RequestType": request_type,
            "ServiceToken": token,
            "ResponseURL": url,
            "StackId": wanted.stack_id,
            "RequestId": request_id,
            "LogicalResourceId": wanted.logical_id,
            "ResourceType": wanted.type,
            "ResourceProperties": _as_texts(wanted.properties),
            **more,
        }
        _send(wanted, token, json.dumps(event))
        seconds = int(wanted.properties.get("ServiceTimeout", _TIMEOUT_SECONDS))
        answer = _wait_for_answer(storage, request_id, seconds)
        return _read(answer, event, str(more.get("PhysicalResourceId", "")))


def _send(wanted: Wanted, token: str, event: str) -> None:
    service = token.split(":")[2] if token.count(":") > 4 else ""  # noqa: PLR2004 - those of an ARN
    if service == "lambda":
        wanted.client("lambda").invoke(FunctionName=token, InvocationType="Event", Payload=event.encode())
    elif service == "sns":
        wanted.client("sns").publish(TopicArn=token, Message=event, Subject="AWS CloudFormation custom resource request")
    else:
        raise ResourceFailed(f"Invalid Service token: {token or 'there is none'}")


def _wait_for_answer(storage: Any, key: str, seconds: int) -> Any:
    deadline, pause = time.monotonic() + seconds, _PAUSE_SECONDS
    while time.monotonic() < deadline:
        try:
            content = storage.get_object(Bucket=_BUCKET, Key=key)["Body"].read(_ANSWER_MAX_BYTES + 1)
        except storage.exceptions.NoSuchKey:
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE_MAX_SECONDS)
            continue
        storage.delete_object(Bucket=_BUCKET, Key=key)
        if len(content) > _ANSWER_MAX_BYTES:
            raise ResourceFailed("Response object is too long.")
        try:
            return json.loads(content)
        except ValueError:
            raise ResourceFailed("Invalid response object: it is not JSON.") from None
    raise ResourceFailed(
        "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId "
        f"[{key}]. If you are using the Python cfn-response module, you may need to update your Lambda function code "
        "so that CloudFormation can attach the updated version."
    )


def _read(answer: Any, event: Mapping[str, Any], physical_id: str) -> Made:
    if not isinstance(answer, dict):
        raise ResourceFailed("Invalid response object: it is no JSON object.")
    physical_id = str(answer.get("PhysicalResourceId") or physical_id)
    data = answer.get("Data") or {}
    made = Made(physical_id=physical_id, attributes=data if isinstance(data, dict) else {})
    if answer.get("Status") == "SUCCESS":
        for name in ("StackId", "RequestId", "LogicalResourceId"):
            if answer.get(name) != event[name]:
                raise PartlyMade(f"Invalid response object: Value of property {name} must be that of the request.", made)
        if not physical_id:
            raise PartlyMade("Invalid PhysicalResourceId", made)
        return made
    said = f"Message returned: {answer.get('Reason') or 'none'} (RequestId: {event['RequestId']})"
    reason = f"Received response status [FAILED] from custom resource. {said}"
    if event["RequestType"] == "Create" and physical_id:
        raise PartlyMade(reason, made)
    raise ResourceFailed(reason)


def _as_texts(value: Any) -> Any:
    """Scalars reach functions as texts."""
    if isinstance(value, Mapping):
        return {name: _as_texts(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_texts(element) for element in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)
