"""Custom resources: a function is invoked as an event, and says what became of it by a PUT to a URL that the event holds.

The URL leads to the node (`edge/response_door.py`), which hands over what comes (`responses.py`).
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.resources.provider import Existing, Made, PartlyMade, Wanted
from alonzo.companion.node import NodeRefused

_TIMEOUT_SECONDS = 3_600
_SILENCE = (
    "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId "
    "[{}]. If you are using the Python cfn-response module, you may need to update your Lambda function code "
    "so that CloudFormation can attach the updated version."
)
_WITHOUT_HTTPS = " Functions that answer by HTTPS at port 443, as those of the CDK in Node.js do, cannot do so on this machine."


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
        try:
            opened = wanted.clients.node.ask("responses", {})
        except NodeRefused as error:
            raise ResourceFailed(f"The function would have nowhere to answer: {error}") from error
        event = {
            "RequestType": request_type,
            "ServiceToken": token,
            "StackId": wanted.stack_id,
            "RequestId": request_id,
            "LogicalResourceId": wanted.logical_id,
            "ResourceType": wanted.type,
            "ResourceProperties": _as_texts(wanted.properties),
            **more,
        }
        with wanted.clients.responses.expect(request_id) as response:
            url = f"{opened['url']}{request_id}?Signature={response.token}"
            _send(wanted, token, json.dumps(event | {"ResponseURL": url}))
            if not response.wait(int(wanted.properties.get("ServiceTimeout", _TIMEOUT_SECONDS))):
                raise ResourceFailed(_SILENCE.format(request_id) + ("" if opened["takes_https"] else _WITHOUT_HTTPS))
        return _read(_parse(response.content), event, str(more.get("PhysicalResourceId", "")))


def _send(wanted: Wanted, token: str, event: str) -> None:
    service = token.split(":")[2] if token.count(":") > 4 else ""  # noqa: PLR2004 - those of an ARN
    if service == "lambda":
        wanted.client("lambda").invoke(FunctionName=token, InvocationType="Event", Payload=event.encode())
    elif service == "sns":
        wanted.client("sns").publish(TopicArn=token, Message=event, Subject="AWS CloudFormation custom resource request")
    else:
        raise ResourceFailed(f"Invalid Service token: {token or 'there is none'}")


def _parse(content: str | None) -> Any:
    if content is None:
        raise ResourceFailed("Response object is too long.")
    try:
        return json.loads(content)
    except ValueError:
        raise ResourceFailed("Invalid response object: it is not JSON.") from None


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
