"""Requests to HTTP APIs, from the stage to the answer.

Source of the answers when something is wrong: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
and https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting.html.
"""

import logging
import time
from collections.abc import Callable
from functools import partial

import msgspec

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.requests import Headers
from alonzo.clock import Clock
from alonzo.edge.api_gateway.answers import extended_request_id, internal_failure, message_answer
from alonzo.edge.api_gateway.http_api.authorizers import API_GATEWAY, HttpApiAuthorizers, NotAuthorized
from alonzo.edge.api_gateway.http_api.configuration import Integration, Stage, VersionTwoApi
from alonzo.edge.api_gateway.http_api.cors import CorsConfiguration
from alonzo.edge.api_gateway.http_api.integrations import answer_of_endpoint, answer_of_service, mapped_answer
from alonzo.edge.api_gateway.http_api.requests import DEFAULT_STAGE, RoutedRequest, decoded_path
from alonzo.edge.api_gateway.outgoing import Outgoing, OutgoingFailed
from alonzo.edge.api_gateway.throttling import RateLimits
from alonzo.edge.api_gateway.uris import function_of, with_stage_variables
from alonzo.edge.asgi import Answer
from alonzo.edge.http_events.answers import MalformedAnswer, read_answer_v1, read_answer_v2
from alonzo.edge.http_events.request import HttpRequest, TooManyParameters
from alonzo.edge.service_calls import CallRefusal, FunctionNotCalled, ServiceCalls
from alonzo.ids import IdSource
from alonzo.model.invocation import InvocationResult

_REMAPPED = frozenset({b"www-authenticate", b"server", b"date", b"x-amzn-requestid"})
_TRACE = b"x-amzn-trace-id"
_TRACE_MAX_CHARACTERS = 1_024

_log = logging.getLogger(__name__)


class HttpApiFront:
    """Answers requests to any HTTP API."""

    def __init__(
        self,
        *,
        calls: ServiceCalls,
        services: AwsClients,
        authorizers: HttpApiAuthorizers,
        limits: RateLimits,
        outgoing: Outgoing,
        ids: IdSource,
        clock: Clock,
    ) -> None:
        self._calls = calls
        self._services = services
        self._authorizers = authorizers
        self._limits = limits
        self._outgoing = outgoing
        self._ids = ids
        self._clock = clock

    async def answer(self, api: VersionTwoApi, request: HttpRequest, path: bytes) -> Answer:
        """`path` is what follows the API's address: a stage, perhaps, and the rest."""
        request_id = extended_request_id(self._ids)
        if api.cors is not None:
            preflight = _preflight(api.cors, request)
            if preflight is not None:
                return Answer(204, [*preflight, (b"apigw-requestid", request_id.encode())], b"")
        try:
            routed = self._routed(api, request, decoded_path(path), request_id)
            answer = routed if isinstance(routed, Answer) else await self._answer(routed)
        except Exception:  # a request ends here: whatever it was, the client gets an answer
            answer = internal_failure(_log, request, request_id)
        return _finished(answer, api, request, request_id)

    def _routed(self, api: VersionTwoApi, request: HttpRequest, path: str, request_id: str) -> RoutedRequest | Answer:
        stage, path_in_stage = find_stage(api, path)
        if stage is None or api.is_disabled:
            return message_answer(404, "Not Found")
        found = api.table.find(request.method, path_in_stage)
        if found is None or found.target.integration is None:
            return message_answer(404, "Not Found")
        if stage.throttles and not self._may_pass(api, stage, found.key):
            return message_answer(429, "Too Many Requests")
        return RoutedRequest(
            api=api,
            stage=stage,
            route=found.target,
            integration=found.target.integration,
            request=request,
            path=path,
            variables=found.variables,
            request_id=request_id,
            at_ms=self._clock.unix_ms(),
            trace_header=_trace(request, self._ids),
        )

    async def _answer(self, routed: RoutedRequest) -> Answer:
        """Functions are called from here and not a coroutine deeper: most requests are for one, and each coroutine costs them."""
        integration = routed.integration
        try:
            authorizer_v2 = authorizer_v1 = None
            if routed.route.authorization != "NONE":
                authorizer_v2, authorizer_v1 = await self._authorizers.authorize(routed)
            if integration.kind == "HTTP_PROXY":
                reached = await answer_of_endpoint(self._outgoing, routed, integration, authorizer_v2)
                return mapped_answer(reached, integration.response_parameters, routed, authorizer_v2)
            if integration.subtype is not None:
                return await answer_of_service(self._services, routed, integration, authorizer_v2)
            arn = _function_of(routed, integration)
            is_v2 = integration.payload_version == "2.0"
            answer_early = routed.request.answer_early
            result = await self._calls.call(
                arn,
                msgspec.json.encode(routed.event_v2(authorizer_v2) if is_v2 else routed.event_v1(authorizer_v1)),
                service=None if integration.has_role else API_GATEWAY,
                source_arn=routed.arn,
                timeout_seconds=integration.timeout_seconds,
                trace_header=routed.trace_header,
                on_late=None if answer_early is None else partial(_answer_early, routed, answer_early),
            )
            answer = _read(arn, result, is_v2=is_v2)
            if integration.response_parameters:
                answer = mapped_answer(answer, integration.response_parameters, routed, authorizer_v2)
        except TooManyParameters:
            answer = message_answer(400, "Bad Request")
        except NotAuthorized as refusal:
            answer = refusal.answer
        except (FunctionNotCalled, OutgoingFailed, MalformedAnswer) as error:
            _log.warning("%s: %s", routed.arn, error)
            answer = _refusal(error)
        return answer

    def _may_pass(self, api: VersionTwoApi, stage: Stage, route_key: str) -> bool:
        throttle = stage.throttles.get(route_key) or stage.throttles.get(None)
        if throttle is None:
            return True
        return self._limits.take((api.api_id, stage.name, route_key), rate=throttle.rate, burst=throttle.burst)


def _function_of(routed: RoutedRequest, integration: Integration) -> str:
    uri = with_stage_variables(integration.uri, routed.stage.variables)
    arn = function_of(uri)
    if arn is None:
        raise MalformedAnswer(f"the integration {uri[:200]} is of a kind that is not here")
    return arn


def _read(arn: str, result: InvocationResult, *, is_v2: bool) -> Answer:
    if result.function_error is not None:
        raise MalformedAnswer(f"{arn} has failed ({result.function_error})")
    return read_answer_v2(result.payload, remapped=_REMAPPED) if is_v2 else read_answer_v1(result.payload, remapped=_REMAPPED)


def find_stage(api: VersionTwoApi, path: str) -> tuple[Stage | None, str]:
    """The stage that a path begins with, else `$default`, and what is left of the path."""
    first, slash, rest = path.removeprefix("/").partition("/")
    stage = api.stages.get(first)
    if stage is not None and first != DEFAULT_STAGE:
        return stage, slash + rest or "/"
    return api.stages.get(DEFAULT_STAGE), path


def _finished(answer: Answer, api: VersionTwoApi, request: HttpRequest, request_id: str) -> Answer:
    if api.cors is not None:
        answer = Answer(answer.status, api.cors.applied(answer.headers, request.find_header(b"origin")), answer.body)
    answer.headers.append((b"apigw-requestid", request_id.encode()))
    return answer


def _answer_early(routed: RoutedRequest, answer_early: Callable[[Answer], None], error: FunctionNotCalled) -> None:
    _log.warning("%s: %s", routed.arn, error)
    answer_early(_finished(_refusal(error), routed.api, routed.request, routed.request_id))


def _preflight(cors: CorsConfiguration, request: HttpRequest) -> Headers | None:
    """The headers of the answer, if the request is for the gateway itself, whatever its routes are."""
    if request.method != "OPTIONS" or request.find_header(b"access-control-request-method") is None:
        return None
    origin = request.find_header(b"origin")
    return None if origin is None else cors.preflight(origin)


def _trace(request: HttpRequest, ids: IdSource) -> str | None:
    """The tracing header that the function is to go on from. A request without one gets one, as every integration is to see it."""
    for name, value in request.headers:
        if name == _TRACE:
            return value.decode("latin-1") if len(value) <= _TRACE_MAX_CHARACTERS else None
    trace = f"Root=1-{int(time.time()):08x}-{ids.new_hex_id(12)}"
    request.headers.append((_TRACE, trace.encode()))
    return trace


def _refusal(error: Exception) -> Answer:
    if isinstance(error, FunctionNotCalled):
        match error.refusal:
            case CallRefusal.TOO_LARGE:
                return message_answer(413, "Request Entity Too Large")
            case CallRefusal.THROTTLED | CallRefusal.TIMED_OUT | CallRefusal.UNAVAILABLE:
                return message_answer(503, "Service Unavailable")
            case _:
                return message_answer(500, "Internal Server Error")
    if isinstance(error, OutgoingFailed):
        return message_answer(503, "Service Unavailable")
    return message_answer(500, "Internal Server Error")
