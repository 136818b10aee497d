"""Requests and responses of integrations that are no proxies: templates and parameters. To be called in threads: it may take a while.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html and
https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
"""

import base64
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alonzo.edge.api_gateway.rest_api.configuration import IntegrationResponse
from alonzo.edge.api_gateway.rest_api.gateway_responses import Refused, ResponseType
from alonzo.edge.api_gateway.rest_api.requests import RestRequest
from alonzo.edge.api_gateway.rest_api.template_variables import Input, Util, find_by_path
from alonzo.edge.api_gateway.velocity.template import read_template
from alonzo.edge.asgi import Answer
from alonzo.edge.http_events.answers import header_name, header_value, read_status

_PATTERN_SECONDS = 0.2
_JSON = "application/json"


@dataclass(slots=True)
class MappedRequest:
    """What goes to the integration. Names of headers are as they were configured."""

    body: str
    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    """`$context`, with what the template has overridden."""


def map_request(rest: RestRequest) -> MappedRequest:
    """`Refused` (no template for this media type), `TemplateError`, `TooManyParameters`."""
    integration = rest.method.integration
    assert integration is not None
    body = _text_of_body(rest, integration.content_handling)
    context = _template_context(rest)
    mapped = MappedRequest(body, context=context)
    media_type = (rest.request.find_header(b"content-type") or _JSON).partition(";")[0].strip().lower()
    templates = {name.lower(): template for name, template in integration.templates.items()}
    template = templates.get(media_type, templates.get("$default"))
    if template is not None:
        variables = _variables(rest, body, context)
        mapped.body = read_template(template).render(variables)
    elif integration.passthrough == "NEVER" or (integration.passthrough == "WHEN_NO_TEMPLATES" and templates):
        raise Refused(ResponseType.UNSUPPORTED_MEDIA_TYPE)
    for target, source in integration.parameters.items():
        _, _, where, name = target.split(".", 3)
        value = _request_value(source, rest, body)
        if value is not None:
            _of(mapped, where)[name] = value
    for where, overridden in context["requestOverride"].items():
        _of(mapped, where).update({name: str(value) for name, value in overridden.items()})
    return mapped


def select_response(responses: tuple[IntegrationResponse, ...], result: str) -> IntegrationResponse:
    """The response whose pattern the result (an error's message, a status) matches, else the default one. `Refused` without one."""
    regex: Any = importlib.import_module("regex")
    default = None
    for response in responses:
        if response.selection_pattern is None:
            default = response
            continue
        try:
            if result and regex.fullmatch(response.selection_pattern, result, timeout=_PATTERN_SECONDS, concurrent=True) is not None:
                return response
        except (TimeoutError, regex.error) as error:
            raise Refused(ResponseType.API_CONFIGURATION_ERROR) from error
    if default is None:
        raise Refused(ResponseType.API_CONFIGURATION_ERROR)
    return default


def map_response(rest: RestRequest, result: str, body: bytes, headers: Mapping[str, str], context: Mapping[str, Any]) -> Answer:
    """The response that `result` selects. `headers`: the integration's, names in lower case.

    `Refused`, `MalformedAnswer`, `TemplateError`.
    """
    assert rest.method.integration is not None
    response = select_response(rest.method.integration.responses, result)
    status = read_status(response.status)
    text = body.decode("utf-8", "replace")
    content_type, answered = headers.get("content-type", _JSON), body
    override: dict[str, Any] = {"header": {}}
    if response.templates:
        content_type = _JSON if _JSON in response.templates else next(iter(response.templates))
        template = response.templates[content_type]
        if template:
            variables = _variables(rest, text, {**context, "responseOverride": override})
            answered = read_template(template).render(variables).encode("utf-8", "replace")
    if response.content_handling == "CONVERT_TO_BINARY":
        answered = base64.b64decode(answered)
    elif response.content_handling == "CONVERT_TO_TEXT" and body is answered:
        answered = base64.b64encode(answered)
    mapped: list[tuple[bytes, bytes]] = []
    for target, source in response.parameters.items():
        value = _response_value(source, rest, text, headers)
        if value is not None:
            mapped.append((header_name(target.removeprefix("method.response.header.")), header_value(value)))
    for name, value in override["header"].items():
        lowered = header_name(name)
        mapped = [header for header in mapped if header[0] != lowered]
        mapped.append((lowered, header_value(value)))
    if "status" in override:
        status = read_status(override["status"])
    if not any(name == b"content-type" for name, _ in mapped):
        mapped.append((b"content-type", content_type.encode()))
    return Answer(status, mapped, answered)


def request_parameters(rest: RestRequest) -> dict[str, dict[str, str]]:
    """`$input.params()`."""
    headers = {name: value.decode("latin-1") for name, value in ((n.decode("latin-1"), v) for n, v in rest.request.headers)}
    return {"path": dict(rest.variables), "querystring": dict(rest.request.parameters()), "header": headers}


def _variables(rest: RestRequest, body: str, context: dict[str, Any]) -> dict[str, Any]:
    return {
        "input": Input(body, request_parameters(rest)),
        "context": context,
        "stageVariables": dict(rest.stage.variables),
        "util": Util(),
    }


def _template_context(rest: RestRequest) -> dict[str, Any]:
    """`$context` has nothing where an event has null."""
    context = {name: value for name, value in rest.context().items() if value is not None}
    context["identity"] = {name: value for name, value in context["identity"].items() if value is not None}
    context["requestOverride"] = {"header": {}, "querystring": {}, "path": {}}
    return context


def _text_of_body(rest: RestRequest, content_handling: str | None) -> str:
    body = rest.request.body
    if content_handling == "CONVERT_TO_TEXT" and rest.is_binary:
        return base64.b64encode(body).decode()
    return body.decode("utf-8", "replace")


def _of(mapped: MappedRequest, where: str) -> dict[str, str]:
    return {"header": mapped.headers, "querystring": mapped.query, "path": mapped.path}.get(where, {})


def _request_value(source: str, rest: RestRequest, body: str) -> str | None:  # noqa: PLR0911 - one for each kind
    if source.startswith("'") and source.endswith("'"):
        return source[1:-1]
    if source == "method.request.body":
        return body
    if source.startswith("method.request.body."):
        return _found(body, source.removeprefix("method.request.body."))
    if source.startswith("method.request."):
        _, _, where, name = source.split(".", 3)
        match where:
            case "header" | "multivalueheader":
                return rest.request.find_header(name.lower().encode("latin-1", "replace"))
            case "querystring" | "multivaluequerystring":
                return dict(rest.request.parameters()).get(name)
            case _:
                return rest.variables.get(name)
    return _context_value(source, rest)


def _response_value(source: str, rest: RestRequest, body: str, headers: Mapping[str, str]) -> str | None:
    if source.startswith("'") and source.endswith("'"):
        return source[1:-1]
    if source.startswith(("integration.response.header.", "integration.response.multivalueheader.")):
        return headers.get(source.split(".", 3)[3].lower())
    if source == "integration.response.body":
        return body
    if source.startswith("integration.response.body."):
        return _found(body, source.removeprefix("integration.response.body."))
    return _context_value(source, rest)


def _context_value(source: str, rest: RestRequest) -> str | None:
    if source.startswith("stageVariables."):
        return rest.stage.variables.get(source.removeprefix("stageVariables."))
    if not source.startswith("context."):
        return None
    value: Any = rest.context()
    for name in source.removeprefix("context.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return None if value is None or isinstance(value, dict | list) else str(value)


def _found(body: str, path: str) -> str | None:
    try:
        value = find_by_path(json.loads(body), path)
    except (ValueError, RecursionError):
        return None
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value)
