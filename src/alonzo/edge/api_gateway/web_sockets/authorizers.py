"""Who may open a WebSocket: decided once, by the authorization of `$connect`.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

import logging
from typing import Any

import msgspec

from alonzo.edge.api_gateway.answers import message_answer
from alonzo.edge.api_gateway.authorizer_results import AuthorizerResults, MalformedAuthorization, read_policy_answer
from alonzo.edge.api_gateway.http_api.authorizers import API_GATEWAY, NotAuthorized
from alonzo.edge.api_gateway.http_api.configuration import Route
from alonzo.edge.api_gateway.http_api.requests import api_arn
from alonzo.edge.api_gateway.http_api.selections import find_value
from alonzo.edge.api_gateway.signers import Signers
from alonzo.edge.api_gateway.uris import function_of, with_stage_variables
from alonzo.edge.api_gateway.web_sockets.connections import Connection
from alonzo.edge.api_gateway.web_sockets.events import CONNECT
from alonzo.edge.function_urls.refusals import Refused
from alonzo.edge.service_calls import FunctionNotCalled, ServiceCalls
from alonzo.functions.policies.evaluation import Decision

_AUTHORIZER_SECONDS = 29.0
_log = logging.getLogger(__name__)


class WebSocketAuthorizers:
    """Functions and signatures."""

    def __init__(self, *, calls: ServiceCalls, results: AuthorizerResults, signers: Signers) -> None:
        self._calls = calls
        self._results = results
        self._signers = signers

    async def authorize(self, connection: Connection, route: Route, event: dict[str, Any]) -> dict[str, object] | None:
        """What events have under `requestContext.authorizer`. `NotAuthorized`, `TooManyParameters`."""
        match route.authorization:
            case "NONE":
                return None
            case "AWS_IAM":
                try:
                    caller = self._signers.caller_of(connection.request, connection.api.scope)
                except Refused as error:
                    raise NotAuthorized(message_answer(403, "Forbidden")) from error
                if caller is None:
                    raise NotAuthorized(message_answer(403, "Forbidden"))
                return None
        return await self._ask(connection, route, event)

    async def _ask(self, connection: Connection, route: Route, event: dict[str, Any]) -> dict[str, object]:
        authorizer, api = route.authorizer, connection.api
        arn = None if authorizer is None else function_of(with_stage_variables(authorizer.uri, connection.stage.variables))
        if authorizer is None or arn is None:
            raise NotAuthorized(message_answer(500, "Internal server error"))
        identities = [
            find_value(
                source.replace("route.request", "$request"),
                request=connection.request,
                context=event["requestContext"],
                stage_variables=connection.stage.variables,
            )
            for source in authorizer.identity_sources
        ]
        if not all(identities):
            raise NotAuthorized(message_answer(401, "Unauthorized"))
        method_arn = f"{api_arn(api)}/{connection.stage.name}/{CONNECT}"
        key = (api.api_id, connection.stage.name, authorizer.authorizer_id, *(str(identity) for identity in identities))
        authorization = self._results.find(key) if authorizer.ttl_seconds and identities else None
        try:
            if authorization is None:
                result = await self._calls.call(
                    arn,
                    {"type": "REQUEST", "methodArn": method_arn, **event},
                    service=None if authorizer.has_role else API_GATEWAY,
                    source_arn=f"{api_arn(api)}/authorizers/{authorizer.authorizer_id}",
                    timeout_seconds=_AUTHORIZER_SECONDS,
                )
                answer = msgspec.json.decode(result.payload)
                if result.function_error is not None:
                    is_refusal = isinstance(answer, dict) and answer.get("errorMessage") == "Unauthorized"
                    raise NotAuthorized(message_answer(401, "Unauthorized") if is_refusal else message_answer(500, None))
                authorization = read_policy_answer(answer, flat_context=True)
                self._results.keep(key, authorization, ttl_seconds=authorizer.ttl_seconds)
            decision = authorization.decide(method_arn)
        except (FunctionNotCalled, MalformedAuthorization, msgspec.DecodeError) as error:
            _log.warning("authorizer %s: %s", authorizer.name, error)
            raise NotAuthorized(message_answer(500, None)) from error
        if decision is not Decision.ALLOWED:
            raise NotAuthorized(message_answer(403, "Forbidden"))
        return {**authorization.context, "principalId": authorization.principal_id, "integrationLatency": 0}
