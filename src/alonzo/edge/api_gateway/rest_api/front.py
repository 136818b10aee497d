"""Requests to REST APIs, from the stage to the answer."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from alonzo.clock import Clock
from alonzo.edge.api_gateway.answers import extended_request_id, internal_failure
from alonzo.edge.api_gateway.http_api.configuration import Throttle
from alonzo.edge.api_gateway.http_api.requests import decoded_path
from alonzo.edge.api_gateway.outgoing import OutgoingFailed
from alonzo.edge.api_gateway.rest_api.authorizers import RestAuthorizers
from alonzo.edge.api_gateway.rest_api.configuration import RestApi, RestStage
from alonzo.edge.api_gateway.rest_api.gateway_responses import Refused, ResponseType, gateway_answer
from alonzo.edge.api_gateway.rest_api.integrations import RestIntegrations, refused_by
from alonzo.edge.api_gateway.rest_api.requests import RestRequest
from alonzo.edge.api_gateway.rest_api.usage import Usage
from alonzo.edge.api_gateway.rest_api.validation import validate
from alonzo.edge.api_gateway.throttling import RateLimits
from alonzo.edge.api_gateway.velocity.errors import TemplateError
from alonzo.edge.asgi import Answer
from alonzo.edge.http_events.answers import MalformedAnswer
from alonzo.edge.http_events.request import HttpRequest, TooManyParameters
from alonzo.edge.service_calls import FunctionNotCalled
from alonzo.ids import IdSource

_TRACE = b"x-amzn-trace-id"
_TRACE_MAX_CHARACTERS = 1_024
_PROXIES = frozenset({"AWS_PROXY", "HTTP_PROXY"})

_log = logging.getLogger(__name__)


class RestApiFront:
    """Answers requests to any REST API."""

    def __init__(
        self,
        *,
        integrations: RestIntegrations,
        authorizers: RestAuthorizers,
        usage: Usage,
        limits: RateLimits,
        ids: IdSource,
        clock: Clock,
    ) -> None:
        self._integrations = integrations
        self._authorizers = authorizers
        self._usage = usage
        self._limits = limits
        self._ids = ids
        self._clock = clock

    async def answer(self, api: RestApi, request: HttpRequest, path: bytes) -> Answer:
        """`path` begins with the stage."""
        request_id, extended_id = self._ids.new_uuid(), extended_request_id(self._ids)
        trace = request.find_header(_TRACE)
        if trace is None or len(trace) > _TRACE_MAX_CHARACTERS:
            trace = f"Root=1-{int(time.time()):08x}-{self._ids.new_hex_id(12)}"
            headers = [header for header in request.headers if header[0] != _TRACE]
            request = msgspec.structs.replace(request, headers=[*headers, (_TRACE, trace.encode())])
        try:
            answer = await self._answer(api, request, decoded_path(path), _Ids(request_id, extended_id, trace))
        except Exception:  # a request ends here: whatever it was, the client gets an answer
            answer = internal_failure(_log, request, request_id)
        ours = [(b"x-amzn-requestid", request_id.encode()), (b"x-amz-apigw-id", extended_id.encode()), (_TRACE, trace.encode())]
        return Answer(answer.status, [*(header for header in answer.headers if header[0] != _TRACE), *ours], answer.body)

    async def _answer(self, api: RestApi, request: HttpRequest, path: str, ids: "_Ids") -> Answer:
        name, slash, rest_of_path = path.removeprefix("/").partition("/")
        stage = api.stages.get(name)
        if stage is None or api.is_disabled:
            return gateway_answer(Refused(ResponseType.INVALID_API_KEY))  # it says Forbidden
        rest = None
        try:
            rest = self._route(api, stage, request, path=slash + rest_of_path or "/", ids=ids)
            return await self._pass(rest, ids.trace)
        except TooManyParameters:
            refusal = Refused(ResponseType.BAD_REQUEST_PARAMETERS)
        except Refused as error:
            refusal = error
        except (FunctionNotCalled, OutgoingFailed, MalformedAnswer, TemplateError) as error:
            _log.warning("%s: %s", path if rest is None else rest.method_arn, error, extra={"request_id": ids.request_id})
            refusal = refused_by(error)
        return await asyncio.to_thread(
            gateway_answer,
            refusal,
            responses=stage.deployed.gateway_responses,
            context={"requestId": ids.request_id, "stage": stage.name} if rest is None else rest.context(),
            stage_variables=stage.variables,
            request=request,
        )

    def _route(self, api: RestApi, stage: RestStage, request: HttpRequest, *, path: str, ids: "_Ids") -> RestRequest:
        found = stage.deployed.resources.find("ANY", path)
        method = None if found is None else found.target.methods.get(request.method) or found.target.methods.get("ANY")
        if found is None or method is None:
            raise Refused(ResponseType.MISSING_AUTHENTICATION_TOKEN)
        return RestRequest(
            api=api,
            stage=stage,
            resource=found.target,
            method=method,
            request=request,
            path=path,
            variables=found.variables,
            request_id=ids.request_id,
            extended_id=ids.extended_id,
            at_ms=self._clock.unix_ms(),
        )

    async def _pass(self, rest: RestRequest, trace: str) -> Answer:
        usage_key = await self._authorizers.authorize(rest)
        if rest.method.needs_api_key:
            value = usage_key if rest.stage.deployed.takes_key_from_authorizer else rest.request.find_header(b"x-api-key")
            rest.api_key = self._usage.check(rest.api, rest.stage.name, value)
        throttle = _throttle_of(rest.stage.throttles, rest)
        if throttle is not None:
            bucket = (rest.api.api_id, rest.stage.name, rest.resource.path, rest.method.http_method)
            if not self._limits.take(bucket, rate=throttle.rate, burst=throttle.burst):
                raise Refused(ResponseType.THROTTLED)
        if rest.method.validator_id:
            await asyncio.to_thread(validate, rest)
        return await self._integrations.answer(rest, trace_header=trace)


@dataclass(frozen=True, slots=True)
class _Ids:
    """Of a request: both kinds of AWS's, and the trace header."""

    request_id: str
    extended_id: str
    trace: str


def _throttle_of(throttles: Mapping[str, Throttle], rest: RestRequest) -> Throttle | None:
    if not throttles:
        return None
    path = rest.resource.path.lstrip("/").replace("/", "~1")
    method = rest.method.http_method
    for key in (f"{path}/{method}", f"~1{path}/{method}", f"/{path}/{method}", "*/*"):
        if key in throttles:
            return throttles[key]
    return None
