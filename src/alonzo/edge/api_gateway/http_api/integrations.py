"""Integrations of HTTP APIs that are no functions, and the parameters that integrations map.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html and
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
"""

import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.client.errors import AwsCallFailed, AwsRefused
from alonzo.edge.api_gateway.answers import message_answer
from alonzo.edge.api_gateway.http_api.configuration import Integration
from alonzo.edge.api_gateway.http_api.requests import RoutedRequest
from alonzo.edge.api_gateway.http_api.selections import find_value
from alonzo.edge.api_gateway.outgoing import Outgoing
from alonzo.edge.api_gateway.uris import with_stage_variables
from alonzo.edge.asgi import JSON_HEADER, Answer
from alonzo.edge.http_events.answers import MalformedAnswer, header_name, header_value

_NOT_SENT = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "expect"})
_NOT_RETURNED = frozenset(
    {b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade", b"content-length", b"date", b"server"}
)
_MAPPING = re.compile(r"(append|overwrite|remove):(header|querystring|path)(?:\.(.+))?")
_ANSWER_MAPPING = re.compile(r"(append|overwrite|remove):(?:header\.(.+)|(statuscode))")
_PATH_VARIABLE = re.compile(r"\{([^{}+]+)\+?\}")
_ANSWER_VALUE = re.compile(r"\$\{?response\.(?:header\.([^}]+)|(body)(?:\.([^}]+))?)\}?")


@dataclass(frozen=True, slots=True)
class _Service:
    name: str
    operation: str
    json_members: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


_SERVICES: Mapping[str, _Service] = {
    "EventBridge-PutEvents": _Service("eventbridge", "PutEvents"),
    "SQS-SendMessage": _Service("sqs", "SendMessage", json_members=("MessageAttributes",), numbers=("DelaySeconds",)),
    "SQS-PurgeQueue": _Service("sqs", "PurgeQueue"),
    "Kinesis-PutRecord": _Service("kinesis", "PutRecord"),
    "StepFunctions-StartExecution": _Service("sfn", "StartExecution"),
    "StepFunctions-StartSyncExecution": _Service("sfn", "StartSyncExecution"),
    "StepFunctions-StopExecution": _Service("sfn", "StopExecution"),
}


async def answer_of_endpoint(
    outgoing: Outgoing, routed: RoutedRequest, integration: Integration, authorizer: dict[str, Any] | None
) -> Answer:
    """An HTTP endpoint's own answer. `OutgoingFailed`."""
    request = routed.request
    url = with_stage_variables(integration.uri, routed.stage.variables)
    url = _PATH_VARIABLE.sub(lambda match: urllib.parse.quote(routed.variables.get(match[1], ""), safe="/"), url)
    headers = [(name, value) for name, value in request.forwarded_headers() if name not in _NOT_SENT]
    query = request.parameters()
    for key, value in integration.request_parameters.items():
        match = _MAPPING.fullmatch(key)
        if match is None:
            continue
        mapped = "" if match[1] == "remove" else _value(value, routed, authorizer)
        if match[2] == "path":
            parts = urllib.parse.urlsplit(url)
            url = urllib.parse.urlunsplit(parts._replace(path="/" + (mapped or "").lstrip("/")))
            continue
        pairs, name = (headers, match[3].lower()) if match[2] == "header" else (query, match[3])
        if match[1] != "append":
            pairs[:] = [pair for pair in pairs if pair[0] != name]
        if match[1] != "remove" and mapped is not None:
            pairs.append((name, mapped))
    if query:
        url += ("&" if "?" in url else "?") + urllib.parse.urlencode(query)
    method = request.method if integration.method == "ANY" else integration.method
    status, answered, body = await outgoing.send(
        method, url, headers=headers, body=request.body, timeout_seconds=integration.timeout_seconds
    )
    return Answer(status, [header for header in answered if header[0] not in _NOT_RETURNED], body)


async def answer_of_service(
    services: AwsClients, routed: RoutedRequest, integration: Integration, authorizer: dict[str, Any] | None
) -> Answer:
    """What an operation of another AWS service answers, as JSON. `MalformedAnswer` for a kind that is not there."""
    service = _SERVICES.get(integration.subtype or "")
    if service is None:
        raise MalformedAnswer(f"integrations of the kind {integration.subtype} are not here")
    given = {name: _value(value, routed, authorizer) for name, value in integration.request_parameters.items()}
    parameters: dict[str, Any] = {name: value for name, value in given.items() if value is not None and name != "Region"}
    try:
        for name in service.json_members:
            if name in parameters:
                parameters[name] = json.loads(parameters[name])
        for name in service.numbers:
            if name in parameters:
                parameters[name] = int(parameters[name])
    except ValueError:
        return message_answer(400, "Bad Request")
    if service.operation == "PutEvents":
        entry = {name: value for name, value in parameters.items() if name not in {"Resources", "Time"}}
        parameters = {"Entries": [entry]}
    try:
        answer = await services.call(service.name, service.operation, parameters, scope=routed.api.scope)
    except AwsRefused as error:
        return message_answer(error.http_status, str(error))
    except AwsCallFailed as error:
        raise MalformedAnswer(str(error)) from error
    answer.pop("ResponseMetadata", None)
    return Answer(200, [JSON_HEADER], json.dumps(answer, default=str).encode())


def mapped_answer(
    answer: Answer, mappings: Mapping[str, Mapping[str, str]], routed: RoutedRequest, authorizer: dict[str, Any] | None
) -> Answer:
    """An answer with what the integration's response parameters say for its status. `MalformedAnswer`."""
    parameters = mappings.get(str(answer.status))
    if not parameters:
        return answer
    status, headers = answer.status, list(answer.headers)
    for key, expression in parameters.items():
        match = _ANSWER_MAPPING.fullmatch(key)
        if match is None:
            continue
        value = _answer_value(expression, answer) or _value(expression, routed, authorizer)
        if match[3]:
            status = int(value) if value is not None and value.isdecimal() and 200 <= int(value) <= 599 else status  # noqa: PLR2004
            continue
        name = header_name(match[2])
        if match[1] != "append":
            headers = [header for header in headers if header[0] != name]
        if match[1] != "remove" and value is not None:
            headers.append((name, header_value(value)))
    return Answer(status, headers, answer.body)


def _answer_value(expression: str, answer: Answer) -> str | None:
    match = _ANSWER_VALUE.fullmatch(expression.strip())
    if match is None:
        return None
    if match[1]:
        return next((value.decode("latin-1") for name, value in answer.headers if name == match[1].lower().encode()), None)
    if not match[3]:
        return answer.body.decode("utf-8", "replace")
    content = _json(answer.body)
    for name in match[3].split("."):
        content = content.get(name) if isinstance(content, Mapping) else None
    return None if content is None or isinstance(content, dict | list) else str(content)


def _value(expression: str, routed: RoutedRequest, authorizer: dict[str, Any] | None) -> str | None:
    """A value that is written down, or what an expression stands for."""
    if not expression.startswith("$"):
        return expression
    request = routed.request
    if expression in {"$request.body", "${request.body}"}:
        return request.body.decode("utf-8", "replace")
    if expression in {"$request.path", "${request.path}"}:
        return routed.path
    return find_value(
        expression,
        request=request,
        context=routed.context_v2(authorizer),
        stage_variables=routed.stage.variables,
        path_variables=routed.variables,
        body=_json(request.body) if "request.body" in expression else None,
    )


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
