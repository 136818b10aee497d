"""What REST APIs answer themselves when something is wrong, as configured or as AWS has it.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from alonzo.edge.api_gateway.rest_api.configuration import GatewayResponse
from alonzo.edge.api_gateway.velocity.errors import TemplateError
from alonzo.edge.api_gateway.velocity.template import read_template
from alonzo.edge.asgi import Answer
from alonzo.edge.http_events.answers import MalformedAnswer, header_name, header_value
from alonzo.edge.http_events.request import HttpRequest

_log = logging.getLogger(__name__)


class ResponseType(StrEnum):
    """AWS's names."""

    ACCESS_DENIED = "ACCESS_DENIED"
    API_CONFIGURATION_ERROR = "API_CONFIGURATION_ERROR"
    AUTHORIZER_CONFIGURATION_ERROR = "AUTHORIZER_CONFIGURATION_ERROR"
    AUTHORIZER_FAILURE = "AUTHORIZER_FAILURE"
    BAD_REQUEST_BODY = "BAD_REQUEST_BODY"
    BAD_REQUEST_PARAMETERS = "BAD_REQUEST_PARAMETERS"
    DEFAULT_5XX = "DEFAULT_5XX"
    INTEGRATION_FAILURE = "INTEGRATION_FAILURE"
    INTEGRATION_TIMEOUT = "INTEGRATION_TIMEOUT"
    INVALID_API_KEY = "INVALID_API_KEY"
    INVALID_SIGNATURE = "INVALID_SIGNATURE"
    MISSING_AUTHENTICATION_TOKEN = "MISSING_AUTHENTICATION_TOKEN"  # noqa: S105 - no secret
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    THROTTLED = "THROTTLED"
    UNAUTHORIZED = "UNAUTHORIZED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"


@dataclass(frozen=True, slots=True)
class _Default:
    """`error_type`: of the header `x-amzn-errortype`."""

    status: int
    message: str | None
    error_type: str


_DEFAULTS: Mapping[ResponseType, _Default] = MappingProxyType(
    {
        ResponseType.ACCESS_DENIED: _Default(403, "User is not authorized to access this resource", "AccessDeniedException"),
        ResponseType.API_CONFIGURATION_ERROR: _Default(500, "Internal server error", "InternalServerErrorException"),
        ResponseType.AUTHORIZER_CONFIGURATION_ERROR: _Default(500, None, "AuthorizerConfigurationException"),
        ResponseType.AUTHORIZER_FAILURE: _Default(500, None, "AuthorizerConfigurationException"),
        ResponseType.BAD_REQUEST_BODY: _Default(400, "Invalid request body", "BadRequestException"),
        ResponseType.BAD_REQUEST_PARAMETERS: _Default(400, "Invalid request parameters", "BadRequestException"),
        ResponseType.DEFAULT_5XX: _Default(502, "Internal server error", "InternalServerErrorException"),
        ResponseType.INTEGRATION_FAILURE: _Default(504, "Network error communicating with endpoint", "InternalServerErrorException"),
        ResponseType.INTEGRATION_TIMEOUT: _Default(504, "Endpoint request timed out", "InternalServerErrorException"),
        ResponseType.INVALID_API_KEY: _Default(403, "Forbidden", "ForbiddenException"),
        ResponseType.INVALID_SIGNATURE: _Default(403, None, "InvalidSignatureException"),
        ResponseType.MISSING_AUTHENTICATION_TOKEN: _Default(403, "Missing Authentication Token", "MissingAuthenticationTokenException"),
        ResponseType.QUOTA_EXCEEDED: _Default(429, "Limit Exceeded", "LimitExceededException"),
        ResponseType.REQUEST_TOO_LARGE: _Default(413, "Request Too Long", "RequestTooLargeException"),
        ResponseType.THROTTLED: _Default(429, "Too Many Requests", "TooManyRequestsException"),
        ResponseType.UNAUTHORIZED: _Default(401, "Unauthorized", "UnauthorizedException"),
        ResponseType.UNSUPPORTED_MEDIA_TYPE: _Default(415, "Unsupported Media Type", "BadRequestException"),
    }
)


class Refused(Exception):
    """The gateway answers itself. `message` and `error_type` None: as they are by default."""

    def __init__(self, kind: ResponseType, message: str | None = None, *, error_type: str | None = None) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.message = message
        self.error_type = error_type


_NOTHING: Mapping[str, GatewayResponse] = MappingProxyType({})


def gateway_answer(
    refusal: Refused,
    *,
    responses: Mapping[str, GatewayResponse] = _NOTHING,
    context: Mapping[str, Any] | None = None,
    stage_variables: Mapping[str, str] | None = None,
    request: HttpRequest | None = None,
) -> Answer:
    """The answer to a request that is refused."""
    default = _DEFAULTS[refusal.kind]
    message = default.message if refusal.message is None else refusal.message
    configured = responses.get(refusal.kind.value) or responses.get("DEFAULT_4XX" if default.status < 500 else "DEFAULT_5XX")  # noqa: PLR2004
    status = default.status if configured is None or configured.status is None else configured.status
    member = "Message" if refusal.kind is ResponseType.ACCESS_DENIED else "message"
    body = json.dumps({member: message}, separators=(",", ":"))
    content_type = "application/json"
    headers = [(b"x-amzn-errortype", (refusal.error_type or default.error_type).encode())]
    variables = _variables(refusal, message, context or {}, stage_variables or {})
    if configured is not None and configured.templates:
        content_type = "application/json" if "application/json" in configured.templates else next(iter(configured.templates))
        try:
            body = read_template(configured.templates[content_type]).render(variables)
        except TemplateError as error:
            _log.warning("the template of the gateway response %s: %s", refusal.kind.value, error)
    if configured is not None:
        headers += _headers(configured.parameters, variables["context"], request)
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", content_type.encode()))
    return Answer(status, headers, body.encode())


def _variables(refusal: Refused, message: str | None, context: Mapping[str, Any], stage_variables: Mapping[str, str]) -> dict[str, Any]:
    error = {
        "message": message or "",
        "messageString": json.dumps(message),
        "responseType": refusal.kind.value,
        "validationErrorString": "",
    }
    return {"context": {**context, "error": error}, "stageVariables": dict(stage_variables)}


def _headers(parameters: Mapping[str, str], context: Mapping[str, Any], request: HttpRequest | None) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    for target, source in parameters.items():
        name = target.removeprefix("gatewayresponse.header.")
        value = _value(source, context, request)
        if name == target or value is None:
            continue
        try:
            headers.append((header_name(name), header_value(value)))
        except MalformedAnswer as error:
            _log.warning("a gateway response: %s", error)
    return headers


def _value(source: str, context: Mapping[str, Any], request: HttpRequest | None) -> str | None:
    if source.startswith("'") and source.endswith("'"):
        return source[1:-1]
    if source.startswith("method.request.header.") and request is not None:
        return request.find_header(source.removeprefix("method.request.header.").lower().encode("latin-1", "replace"))
    if source.startswith("context."):
        value: Any = context
        for name in source.removeprefix("context.").split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return None if value is None or isinstance(value, dict | list) else str(value)
    return None
