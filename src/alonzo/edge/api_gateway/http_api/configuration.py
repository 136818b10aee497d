"""An HTTP API as its requests need it, read from API Gateway's answers (shapes of botocore's `apigatewayv2`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alonzo.edge.api_gateway.http_api.cors import CorsConfiguration, read_cors
from alonzo.edge.api_gateway.http_api.routes import RouteTable
from alonzo.model.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """What answers the requests of a route. `uri` may hold stage variables."""

    kind: str
    uri: str
    method: str
    payload_version: str
    timeout_seconds: float
    has_role: bool
    """It has credentials of its own: policies of functions are not asked."""
    subtype: str | None
    request_parameters: Mapping[str, str]
    response_parameters: Mapping[str, Mapping[str, str]]
    request_templates: Mapping[str, str]
    template_selection: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """`audience` and `issuer` are those of JWT authorizers; the rest is of those that are functions."""

    authorizer_id: str
    kind: str
    identity_sources: tuple[str, ...]
    issuer: str
    audience: tuple[str, ...]
    uri: str
    payload_version: str
    is_simple: bool
    ttl_seconds: int
    has_role: bool
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`key` as it was made: `GET /pets/{id}`, `$default`, and of WebSocket APIs any word."""

    key: str
    integration: Integration | None
    authorization: str
    authorizer: Authorizer | None
    scopes: tuple[str, ...]
    needs_api_key: bool
    has_route_response: bool


@dataclass(frozen=True, slots=True)
class Throttle:
    """Requests a second, and how many of them at once."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`throttles`: by route key; None is for the others."""

    name: str
    variables: Mapping[str, str]
    throttles: Mapping[str | None, Throttle]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionTwoApi:
    """An HTTP or WebSocket API."""

    api_id: str
    scope: Scope
    routes: Mapping[str, Route]
    table: RouteTable[Route]
    stages: Mapping[str, Stage]
    cors: CorsConfiguration | None
    is_disabled: bool
    """Its address is not served (`DisableExecuteApiEndpoint`)."""
    route_selection: str
    api_key_selection: str


def read_api(
    scope: Scope,
    *,
    api: Mapping[str, Any],
    routes: list[dict[str, Any]],
    integrations: list[dict[str, Any]],
    authorizers: list[dict[str, Any]],
    stages: list[dict[str, Any]],
) -> VersionTwoApi:
    """Out of the answers of GetApi, GetRoutes, GetIntegrations, GetAuthorizers and GetStages."""
    read_integrations = {each["IntegrationId"]: _integration(each) for each in integrations}
    read_authorizers = {each["AuthorizerId"]: _authorizer(each) for each in authorizers}
    read_routes = {each["RouteKey"]: _route(each, read_integrations, read_authorizers) for each in routes}
    return VersionTwoApi(
        api_id=api["ApiId"],
        scope=scope,
        routes=read_routes,
        table=RouteTable(read_routes),
        stages={each["StageName"]: _stage(each) for each in stages},
        cors=read_cors(api.get("CorsConfiguration")),
        is_disabled=bool(api.get("DisableExecuteApiEndpoint")),
        route_selection=api.get("RouteSelectionExpression") or "",
        api_key_selection=api.get("ApiKeySelectionExpression") or "",
    )


def _integration(given: Mapping[str, Any]) -> Integration:
    return Integration(
        kind=given.get("IntegrationType") or "AWS_PROXY",
        uri=given.get("IntegrationUri") or "",
        method=given.get("IntegrationMethod") or "ANY",
        payload_version=given.get("PayloadFormatVersion") or "1.0",
        timeout_seconds=min(int(given.get("TimeoutInMillis") or 30_000), 30_000) / 1_000,
        has_role=bool(given.get("CredentialsArn")),
        subtype=given.get("IntegrationSubtype"),
        request_parameters=given.get("RequestParameters") or {},
        response_parameters=given.get("ResponseParameters") or {},
        request_templates=given.get("RequestTemplates") or {},
        template_selection=given.get("TemplateSelectionExpression"),
    )


def _authorizer(given: Mapping[str, Any]) -> Authorizer:
    jwt = given.get("JwtConfiguration") or {}
    ttl = given.get("AuthorizerResultTtlInSeconds")
    return Authorizer(
        authorizer_id=given["AuthorizerId"],
        kind=given.get("AuthorizerType") or "",
        identity_sources=tuple(given.get("IdentitySource") or ()),
        issuer=jwt.get("Issuer") or "",
        audience=tuple(jwt.get("Audience") or ()),
        uri=given.get("AuthorizerUri") or "",
        payload_version=given.get("AuthorizerPayloadFormatVersion") or "1.0",
        is_simple=bool(given.get("EnableSimpleResponses")),
        ttl_seconds=0 if ttl is None else int(ttl),
        has_role=bool(given.get("AuthorizerCredentialsArn")),
        name=given.get("Name") or "",
    )


def _route(given: Mapping[str, Any], integrations: Mapping[str, Integration], authorizers: Mapping[str, Authorizer]) -> Route:
    target = (given.get("Target") or "").removeprefix("integrations/")
    return Route(
        key=given["RouteKey"],
        integration=integrations.get(target),
        authorization=given.get("AuthorizationType") or "NONE",
        authorizer=authorizers.get(given.get("AuthorizerId") or ""),
        scopes=tuple(given.get("AuthorizationScopes") or ()),
        needs_api_key=bool(given.get("ApiKeyRequired")),
        has_route_response=given.get("RouteResponseSelectionExpression") is not None,
    )


def _stage(given: Mapping[str, Any]) -> Stage:
    settings: dict[str | None, Mapping[str, Any]] = {None: given.get("DefaultRouteSettings") or {}}
    settings.update(given.get("RouteSettings") or {})
    return Stage(
        name=given["StageName"],
        variables=given.get("StageVariables") or {},
        throttles={key: throttle for key, each in settings.items() if (throttle := _throttle(each)) is not None},
    )


def _throttle(settings: Mapping[str, Any]) -> Throttle | None:
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    if rate is None and burst is None:
        return None
    return Throttle(rate=10_000.0 if rate is None else float(rate), burst=5_000 if burst is None else int(burst))
