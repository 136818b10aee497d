"""What answers the requests of a REST API's methods: functions, HTTP endpoints, the gateway itself (MOCK)."""

import asyncio
import json
import re
import urllib.parse
from typing import Any

import msgspec

from alonzo.edge.api_gateway.http_api.authorizers import API_GATEWAY
from alonzo.edge.api_gateway.outgoing import Outgoing, OutgoingFailed
from alonzo.edge.api_gateway.rest_api.configuration import Integration
from alonzo.edge.api_gateway.rest_api.gateway_responses import Refused, ResponseType
from alonzo.edge.api_gateway.rest_api.mapping import MappedRequest, map_request, map_response
from alonzo.edge.api_gateway.rest_api.requests import RestRequest, matches_media_type
from alonzo.edge.api_gateway.uris import function_of, with_stage_variables
from alonzo.edge.asgi import Answer
from alonzo.edge.http_events.answers import MalformedAnswer, read_answer_v1
from alonzo.edge.service_calls import CallRefusal, FunctionNotCalled, ServiceCalls

_REMAPPED = frozenset(
    {b"authorization", b"content-md5", b"date", b"host", b"server", b"user-agent", b"www-authenticate", b"x-amzn-requestid", b"via"}
)
"""Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html"""

_NOT_SENT = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "expect"})
_NOT_RETURNED = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade", b"content-length"})
_PATH_VARIABLE = re.compile(r"\{([^{}+]+)\+?\}")
_OK = 200


class RestIntegrations:
    """All kinds."""

    def __init__(self, *, calls: ServiceCalls, outgoing: Outgoing) -> None:
        self._calls = calls
        self._outgoing = outgoing

    async def answer(self, rest: RestRequest, *, trace_header: str | None) -> Answer:
        """`Refused`, `FunctionNotCalled`, `OutgoingFailed`, `MalformedAnswer`, `TemplateError`, `TooManyParameters`."""
        integration = rest.method.integration
        if integration is None:
            raise Refused(ResponseType.API_CONFIGURATION_ERROR, "No integration defined for method")
        match integration.kind:
            case "AWS_PROXY":
                return await self._proxy(rest, integration, trace_header)
            case "AWS":
                return await self._function(rest, integration, trace_header)
            case "HTTP_PROXY":
                return await self._endpoint_proxy(rest, integration)
            case "HTTP":
                return await self._endpoint(rest, integration)
            case "MOCK":
                return await asyncio.to_thread(_mock, rest)
            case _:
                raise Refused(ResponseType.API_CONFIGURATION_ERROR)

    async def _proxy(self, rest: RestRequest, integration: Integration, trace_header: str | None) -> Answer:
        arn = _function(rest, integration)
        result = await self._calls.call(
            arn,
            rest.event(),
            service=None if integration.has_role else API_GATEWAY,
            source_arn=rest.method_arn,
            timeout_seconds=integration.timeout_seconds,
            trace_header=trace_header,
        )
        if result.function_error is not None:
            raise MalformedAnswer(f"{arn} has failed ({result.function_error})")
        return read_answer_v1(result.payload, remapped=_REMAPPED, decodes_base64=_takes_binary(rest))

    async def _function(self, rest: RestRequest, integration: Integration, trace_header: str | None) -> Answer:
        arn = _function(rest, integration)
        mapped = await asyncio.to_thread(map_request, rest)
        payload = mapped.body.encode("utf-8", "replace")
        try:
            msgspec.json.decode(payload or b"null")
        except msgspec.DecodeError as error:
            raise Refused(ResponseType.DEFAULT_5XX) from error  # Lambda takes nothing but JSON
        service = None if integration.has_role else API_GATEWAY
        kind = next((value for name, value in mapped.headers.items() if name.lower() == "x-amz-invocation-type"), "RequestResponse")
        if kind == "Event":
            await self._calls.accept(arn, payload or b"{}", service=service, source_arn=rest.method_arn, trace_header=trace_header)
            return await asyncio.to_thread(map_response, rest, "", b"", {}, mapped.context)
        result = await self._calls.call(
            arn,
            payload or b"{}",
            service=service,
            source_arn=rest.method_arn,
            timeout_seconds=integration.timeout_seconds,
            trace_header=trace_header,
        )
        message = "" if result.function_error is None else _error_message(result.payload)
        headers = {"content-type": "application/json"}
        return await asyncio.to_thread(map_response, rest, message, result.payload, headers, mapped.context)

    async def _endpoint_proxy(self, rest: RestRequest, integration: Integration) -> Answer:
        request = rest.request
        mapped = MappedRequest("")
        if integration.parameters:
            mapped = await asyncio.to_thread(map_request, rest)
        headers = [(name, value) for name, value in request.forwarded_headers() if name not in _NOT_SENT]
        names = {name.lower() for name in mapped.headers}
        headers = [header for header in headers if header[0] not in names] + list(mapped.headers.items())
        query = [pair for pair in request.parameters() if pair[0] not in mapped.query] + list(mapped.query.items())
        url = _url(rest, integration, rest.variables | mapped.path, query)
        method = request.method if integration.method == "ANY" else integration.method
        status, answered, body = await self._outgoing.send(
            method, url, headers=headers, body=request.body, timeout_seconds=integration.timeout_seconds
        )
        return Answer(status, _returned(answered), body)

    async def _endpoint(self, rest: RestRequest, integration: Integration) -> Answer:
        mapped = await asyncio.to_thread(map_request, rest)
        headers = [("content-type", "application/json"), *mapped.headers.items()]
        url = _url(rest, integration, mapped.path, list(mapped.query.items()))
        method = rest.request.method if integration.method == "ANY" else integration.method
        status, answered, body = await self._outgoing.send(
            method, url, headers=headers, body=mapped.body.encode(), timeout_seconds=integration.timeout_seconds
        )
        names = {name.decode("latin-1"): value.decode("latin-1") for name, value in answered}
        return await asyncio.to_thread(map_response, rest, str(status), body, names, mapped.context)


def refused_by(error: Exception) -> Refused:  # noqa: PLR0911 - one for each kind
    """How REST APIs say that an integration has failed."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, FunctionNotCalled):
        match error.refusal:
            case CallRefusal.TIMED_OUT:
                return Refused(ResponseType.INTEGRATION_TIMEOUT)
            case CallRefusal.TOO_LARGE:
                return Refused(ResponseType.REQUEST_TOO_LARGE)
            case _:
                return Refused(ResponseType.API_CONFIGURATION_ERROR)
    if isinstance(error, OutgoingFailed):
        return Refused(ResponseType.INTEGRATION_TIMEOUT if error.is_late else ResponseType.INTEGRATION_FAILURE)
    if isinstance(error, MalformedAnswer):
        return Refused(ResponseType.DEFAULT_5XX)
    return Refused(ResponseType.API_CONFIGURATION_ERROR)


def _mock(rest: RestRequest) -> Answer:
    mapped = map_request(rest)
    try:
        content = json.loads(mapped.body) if mapped.body.strip() else {}
        status = str(content.get("statusCode", "")) if isinstance(content, dict) else ""
    except (ValueError, RecursionError) as error:
        raise Refused(ResponseType.API_CONFIGURATION_ERROR) from error
    if not status:
        raise Refused(ResponseType.API_CONFIGURATION_ERROR)
    return map_response(rest, status, b"", {}, mapped.context)


def _function(rest: RestRequest, integration: Integration) -> str:
    uri = with_stage_variables(integration.uri, rest.stage.variables)
    arn = function_of(uri)
    if arn is None:
        raise MalformedAnswer(f"the integration {uri[:200]} is of a kind that is not here")
    return arn


def _takes_binary(rest: RestRequest) -> bool:
    """Whether a body in base64 is decoded: by the first media type that the client accepts, as AWS has it."""
    types = rest.stage.deployed.binary_types
    accepted = (rest.request.find_header(b"accept") or "*/*").partition(",")[0]
    return matches_media_type(types, accepted)


def _error_message(payload: bytes) -> str:
    try:
        content: Any = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return ""
    return str(content.get("errorMessage") or "") if isinstance(content, dict) else ""


def _url(rest: RestRequest, integration: Integration, variables: dict[str, str], query: list[tuple[str, str]]) -> str:
    url = with_stage_variables(integration.uri, rest.stage.variables)
    url = _PATH_VARIABLE.sub(lambda match: urllib.parse.quote(variables.get(match[1], ""), safe="/"), url)
    return url + (("&" if "?" in url else "?") + urllib.parse.urlencode(query) if query else "")


def _returned(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kept = [header for header in headers if header[0] not in _NOT_RETURNED]
    return [(b"x-amzn-remapped-" + name if name in _REMAPPED else name, value) for name, value in kept]
