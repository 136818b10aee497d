"""Who may use a route of an HTTP API: tokens, functions that decide, signatures.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control.html
"""

import logging
from typing import Any

import msgspec

from alonzo.edge.api_gateway.answers import message_answer
from alonzo.edge.api_gateway.authorizer_results import (
    Authorization,
    AuthorizerResults,
    MalformedAuthorization,
    read_policy_answer,
    read_simple,
)
from alonzo.edge.api_gateway.http_api.configuration import Authorizer
from alonzo.edge.api_gateway.http_api.requests import RoutedRequest, api_arn
from alonzo.edge.api_gateway.http_api.selections import find_value
from alonzo.edge.api_gateway.jwt import TokenRefused, TokenVerifier, claim_texts, scopes_of
from alonzo.edge.api_gateway.outgoing import OutgoingFailed
from alonzo.edge.api_gateway.signers import Signers
from alonzo.edge.api_gateway.uris import function_of, with_stage_variables
from alonzo.edge.asgi import Answer
from alonzo.edge.function_urls.refusals import Refused
from alonzo.edge.service_calls import FunctionNotCalled, ServiceCalls
from alonzo.functions.policies.evaluation import Decision

API_GATEWAY = "apigateway.amazonaws.com"
_AUTHORIZER_SECONDS = 10.0
_log = logging.getLogger(__name__)


class NotAuthorized(Exception):
    """The request ends with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class HttpApiAuthorizers:
    """All kinds."""

    def __init__(self, *, calls: ServiceCalls, verifier: TokenVerifier, results: AuthorizerResults, signers: Signers) -> None:
        self._calls = calls
        self._verifier = verifier
        self._results = results
        self._signers = signers

    async def authorize(self, routed: RoutedRequest) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What formats 2.0 and 1.0 have under `requestContext.authorizer`. `NotAuthorized`, `TooManyParameters`."""
        match routed.route.authorization:
            case "NONE":
                return None, None
            case "AWS_IAM":
                return self._signed(routed)
            case _:
                authorizer = routed.route.authorizer
                if authorizer is None:
                    raise _failed(f"{routed.arn}: the authorizer is gone")
                if authorizer.kind == "JWT":
                    return await self._by_token(routed, authorizer)
                return await self._by_function(routed, authorizer)

    async def _by_token(self, routed: RoutedRequest, authorizer: Authorizer) -> tuple[dict[str, Any], dict[str, Any]]:
        found = [value for source in authorizer.identity_sources if (value := _identity(routed, source))]
        if not found:
            raise NotAuthorized(message_answer(401, "Unauthorized", headers=[(b"www-authenticate", b"Bearer")]))
        token = found[0][7:].strip() if found[0][:7].lower() == "bearer " else found[0].strip()
        try:
            claims = await self._verifier.verify(token, issuer=authorizer.issuer, audience=authorizer.audience)
        except TokenRefused as error:
            challenge = f'Bearer scope="{" ".join(routed.route.scopes)}" error="invalid_token" error_description="{error}"'
            raise NotAuthorized(message_answer(401, "Unauthorized", headers=[(b"www-authenticate", challenge.encode())])) from error
        except OutgoingFailed as error:
            raise _failed(f"authorizer {authorizer.name}: {error}") from error
        scopes = scopes_of(claims)
        if routed.route.scopes and not set(routed.route.scopes) & set(scopes):
            challenge = f'Bearer scope="{" ".join(routed.route.scopes)}" error="insufficient_scope"'
            raise NotAuthorized(message_answer(403, "Forbidden", headers=[(b"www-authenticate", challenge.encode())]))
        jwt = {"claims": claim_texts(claims), "scopes": scopes if routed.route.scopes else None}
        return {"jwt": jwt}, jwt

    async def _by_function(self, routed: RoutedRequest, authorizer: Authorizer) -> tuple[dict[str, Any], dict[str, Any]]:
        identities = [_identity(routed, source) for source in authorizer.identity_sources]
        if not all(identities):
            raise NotAuthorized(message_answer(401, "Unauthorized"))
        key = (routed.api.api_id, routed.stage.name, authorizer.authorizer_id, *(str(identity) for identity in identities))
        authorization = self._results.find(key) if authorizer.ttl_seconds and identities else None
        try:
            if authorization is None:
                authorization = await self._ask(routed, authorizer, [str(identity) for identity in identities])
                if identities:
                    self._results.keep(key, authorization, ttl_seconds=authorizer.ttl_seconds)
            decision = authorization.decide(routed.method_arn)
        except (FunctionNotCalled, MalformedAuthorization) as error:
            raise _failed(f"authorizer {authorizer.name}: {error}") from error
        if decision is not Decision.ALLOWED:
            raise NotAuthorized(message_answer(403, "Forbidden"))
        context = dict(authorization.context)
        flat = context if authorization.principal_id is None else {"principalId": authorization.principal_id, **context}
        return {"lambda": context or None}, flat

    async def _ask(self, routed: RoutedRequest, authorizer: Authorizer, identities: list[str]) -> Authorization:
        arn = function_of(with_stage_variables(authorizer.uri, routed.stage.variables))
        if arn is None:
            raise MalformedAuthorization(f"{authorizer.uri} is no function")
        if authorizer.payload_version == "2.0":
            event = routed.event_v2()
            event |= {"type": "REQUEST", "routeArn": routed.method_arn, "identitySource": identities or None}
        else:
            joined = ",".join(identities)
            event = routed.event_v1()
            event |= {"type": "REQUEST", "methodArn": routed.method_arn, "identitySource": joined, "authorizationToken": joined}
        for name in ("body", "isBase64Encoded"):
            event.pop(name, None)
        result = await self._calls.call(
            arn,
            event,
            service=None if authorizer.has_role else API_GATEWAY,
            source_arn=f"{api_arn(routed.api)}/authorizers/{authorizer.authorizer_id}",
            timeout_seconds=_AUTHORIZER_SECONDS,
        )
        if result.function_error is not None:
            raise MalformedAuthorization(f"{arn} has failed")
        try:
            answer = msgspec.json.decode(result.payload)
        except msgspec.DecodeError as error:
            raise MalformedAuthorization(f"{arn} answers with something else than JSON") from error
        if authorizer.payload_version == "2.0" and authorizer.is_simple:
            return read_simple(answer)
        return read_policy_answer(answer, flat_context=False)

    def _signed(self, routed: RoutedRequest) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            caller = self._signers.caller_of(routed.request, routed.api.scope)
        except Refused as error:
            raise NotAuthorized(message_answer(403, "Forbidden")) from error
        if caller is None:
            raise NotAuthorized(message_answer(403, "Forbidden"))
        iam = {
            "accessKey": caller.access_key_id,
            "accountId": caller.account_id,
            "callerId": caller.account_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": caller.arn,
            "userId": caller.account_id,
        }
        return {"iam": iam}, {"iam": iam}


def _identity(routed: RoutedRequest, source: str) -> str | None:
    context = routed.context_v2(None) if "context" in source else {}
    return find_value(source, request=routed.request, context=context, stage_variables=routed.stage.variables)


def _failed(message: str) -> NotAuthorized:
    _log.warning("%s", message)
    return NotAuthorized(message_answer(500, "Internal Server Error"))
