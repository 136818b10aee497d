"""Who may use a method of a REST API: functions that decide, Cognito's tokens, signatures.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

import importlib
import logging
from typing import Any

import msgspec

from alonzo.edge.api_gateway.authorizer_results import Authorization, AuthorizerResults, MalformedAuthorization, read_policy_answer
from alonzo.edge.api_gateway.http_api.authorizers import API_GATEWAY
from alonzo.edge.api_gateway.jwt import TokenRefused, TokenVerifier, claim_texts, scopes_of
from alonzo.edge.api_gateway.outgoing import OutgoingFailed
from alonzo.edge.api_gateway.rest_api.configuration import Authorizer
from alonzo.edge.api_gateway.rest_api.gateway_responses import Refused, ResponseType
from alonzo.edge.api_gateway.rest_api.requests import RestRequest
from alonzo.edge.api_gateway.rest_api.resource_policies import refusal_message
from alonzo.edge.api_gateway.signers import ApiCaller, Signers
from alonzo.edge.api_gateway.uris import function_of, with_stage_variables
from alonzo.edge.function_urls.refusals import Refused as SignatureRefused
from alonzo.edge.service_calls import FunctionNotCalled, ServiceCalls
from alonzo.functions.policies.evaluation import ANONYMOUS, Decision, Requester

_AUTHORIZER_SECONDS = 29.0
_PATTERN_SECONDS = 0.2
_OF_SIGNATURES = frozenset({"IncompleteSignatureException", "InvalidSignatureException"})
_UNAUTHORIZED = "Unauthorized"
"""What a function raises, word for word, for the gateway to answer 401."""

_log = logging.getLogger(__name__)


class RestAuthorizers:
    """All kinds."""

    def __init__(self, *, calls: ServiceCalls, verifier: TokenVerifier, results: AuthorizerResults, signers: Signers) -> None:
        self._calls = calls
        self._verifier = verifier
        self._results = results
        self._signers = signers

    async def authorize(self, rest: RestRequest) -> str | None:
        """Sets `rest.authorizer`; the API key that an authorizer names. `Refused`, `TooManyParameters`."""
        match rest.method.authorization:
            case "NONE":
                _check_policy(rest, needs_allowance=True)
                return None
            case "AWS_IAM":
                _check_policy(rest, self._check_signature(rest))
                return None
        authorizer = rest.stage.deployed.authorizers.get(rest.method.authorizer_id)
        if authorizer is None:
            raise Refused(ResponseType.AUTHORIZER_CONFIGURATION_ERROR)
        if authorizer.kind == "COGNITO_USER_POOLS":
            await self._check_token(rest, authorizer)
            _check_policy(rest, needs_allowance=True)
            return None
        _check_policy(rest)
        return await self._ask_function(rest, authorizer)

    def _check_signature(self, rest: RestRequest) -> ApiCaller:
        try:
            caller = self._signers.caller_of(rest.request, rest.api.scope)
        except SignatureRefused as error:
            if rest.request.find_header(b"authorization") is None and b"X-Amz-Signature=" not in rest.request.query:
                raise Refused(ResponseType.MISSING_AUTHENTICATION_TOKEN) from error
            if error.error_type in _OF_SIGNATURES:
                raise Refused(ResponseType.INVALID_SIGNATURE, str(error), error_type=error.error_type) from error
            raise Refused(ResponseType.ACCESS_DENIED, str(error)) from error
        if caller is None:
            raise Refused(ResponseType.ACCESS_DENIED)
        return caller

    async def _check_token(self, rest: RestRequest, authorizer: Authorizer) -> None:
        token = _source(rest, authorizer.identity_sources[0] if authorizer.identity_sources else "method.request.header.Authorization")
        if not token:
            raise Refused(ResponseType.UNAUTHORIZED)
        token = token[7:].strip() if token[:7].lower() == "bearer " else token
        for arn in authorizer.provider_arns:
            region, pool = arn.split(":")[3], arn.rpartition("/")[2]
            try:
                claims = await self._verifier.verify(token, issuer=f"https://cognito-idp.{region}.amazonaws.com/{pool}", audience=None)
            except TokenRefused:
                continue
            except OutgoingFailed as error:
                _log.warning("the keys of %s: %s", arn, error)
                raise Refused(ResponseType.AUTHORIZER_FAILURE) from error
            wanted = set(rest.method.scopes)
            if wanted and not wanted & set(scopes_of(claims)):
                raise Refused(ResponseType.UNAUTHORIZED)
            if not wanted and claims.get("token_use") == "access":
                raise Refused(ResponseType.UNAUTHORIZED)  # without scopes it takes identity tokens only
            rest.authorizer = {"claims": claim_texts(claims)}
            return
        raise Refused(ResponseType.UNAUTHORIZED)

    async def _ask_function(self, rest: RestRequest, authorizer: Authorizer) -> str | None:
        identities = self._identities(rest, authorizer)
        key = (rest.api.api_id, rest.stage.name, rest.stage.deployment_id, authorizer.authorizer_id, *identities)
        authorization = self._results.find(key) if authorizer.ttl_seconds else None
        try:
            if authorization is None:
                authorization = await self._ask(rest, authorizer, identities)
                self._results.keep(key, authorization, ttl_seconds=authorizer.ttl_seconds)
            decision = authorization.decide(rest.arn)
        except (FunctionNotCalled, MalformedAuthorization) as error:
            _log.warning("authorizer %s: %s", authorizer.name, error)
            raise Refused(ResponseType.AUTHORIZER_FAILURE) from error
        if decision is Decision.DENIED:
            raise Refused(ResponseType.ACCESS_DENIED, "User is not authorized to access this resource with an explicit deny")
        if decision is not Decision.ALLOWED:
            raise Refused(ResponseType.ACCESS_DENIED)
        context = {name: _plain(value) for name, value in authorization.context.items()}
        rest.authorizer = {**context, "principalId": authorization.principal_id, "integrationLatency": 0}
        return authorization.usage_key

    def _identities(self, rest: RestRequest, authorizer: Authorizer) -> list[str]:
        if authorizer.kind == "TOKEN":
            token = _source(rest, authorizer.identity_sources[0] if authorizer.identity_sources else "method.request.header.Authorization")
            if not token or (authorizer.validation and not _matches(authorizer.validation, token)):
                raise Refused(ResponseType.UNAUTHORIZED)
            return [token]
        found = [_source(rest, source) or "" for source in authorizer.identity_sources]
        if authorizer.ttl_seconds and not all(found):
            raise Refused(ResponseType.UNAUTHORIZED)
        return found

    async def _ask(self, rest: RestRequest, authorizer: Authorizer, identities: list[str]) -> Authorization:
        arn = function_of(with_stage_variables(authorizer.uri, rest.stage.variables))
        if arn is None:
            raise MalformedAuthorization(f"{authorizer.uri} is no function")
        event: dict[str, Any] = {"type": authorizer.kind, "methodArn": rest.arn}
        if authorizer.kind == "TOKEN":
            event["authorizationToken"] = identities[0]
        else:
            event |= {name: value for name, value in rest.event().items() if name not in {"body", "isBase64Encoded"}}
        result = await self._calls.call(
            arn,
            event,
            service=None if authorizer.has_role else API_GATEWAY,
            source_arn=rest.authorizer_arn(authorizer.authorizer_id),
            timeout_seconds=_AUTHORIZER_SECONDS,
        )
        try:
            answer = msgspec.json.decode(result.payload)
        except msgspec.DecodeError as error:
            raise MalformedAuthorization(f"{arn} answers with something else than JSON") from error
        if result.function_error is not None:
            if isinstance(answer, dict) and answer.get("errorMessage") == _UNAUTHORIZED:
                raise Refused(ResponseType.UNAUTHORIZED)
            raise MalformedAuthorization(f"{arn} has failed")
        return read_policy_answer(answer, flat_context=True)


def _check_policy(rest: RestRequest, caller: ApiCaller | None = None, *, needs_allowance: bool = False) -> None:
    """`Refused`. Where something else decides, the policy may only deny; a signer is of the API's own account."""
    policy = rest.stage.deployed.policy
    if policy is None:
        return
    request = rest.request
    known = {
        "aws:SourceIp": request.source_ip,
        "aws:SecureTransport": "true" if request.scheme == "https" else "false",
        "aws:UserAgent": request.find_header(b"user-agent") or "",
        "aws:Referer": request.find_header(b"referer") or "",
    }
    requester = ANONYMOUS if caller is None else Requester(account_id=caller.account_id, arn=caller.arn)
    decision = policy.decide(rest.arn, requester, known)
    if decision is Decision.DENIED or (needs_allowance and decision is not Decision.ALLOWED):
        raise Refused(ResponseType.ACCESS_DENIED, refusal_message(rest.arn, None if caller is None else caller.arn, decision))


def _source(rest: RestRequest, source: str) -> str | None:
    """`method.request.header.X`, `method.request.querystring.x`, `context.x`, `stageVariables.x`."""
    if source.startswith("method.request."):
        _, _, where, name = source.split(".", 3)
        if where == "header":
            return rest.request.find_header(name.lower().encode("latin-1", "replace"))
        return dict(rest.request.parameters()).get(name) if where == "querystring" else rest.variables.get(name)
    where, _, name = source.partition(".")
    if where == "stageVariables":
        return rest.stage.variables.get(name)
    value: Any = rest.context() if where == "context" else None
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return None if value is None else str(value)


def _matches(pattern: str, token: str) -> bool:
    regex: Any = importlib.import_module("regex")
    try:
        return regex.fullmatch(pattern, token, timeout=_PATTERN_SECONDS) is not None
    except (TimeoutError, regex.error):
        return False


def _plain(value: Any) -> str:
    """As REST APIs hand context on: everything is a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
