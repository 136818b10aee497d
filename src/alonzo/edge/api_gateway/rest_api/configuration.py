"""A REST API as its requests need it, read from API Gateway's answers (shapes of botocore's `apigateway`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alonzo.edge.api_gateway.http_api.configuration import Throttle
from alonzo.edge.api_gateway.http_api.routes import RouteTable
from alonzo.edge.api_gateway.rest_api.resource_policies import ApiPolicy, read_api_policy
from alonzo.model.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationResponse:
    """How an integration's result becomes a response. `selection_pattern` None: the default one."""

    status: str
    selection_pattern: str | None
    parameters: Mapping[str, str]
    templates: Mapping[str, str]
    content_handling: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """`kind`: AWS_PROXY, AWS, HTTP_PROXY, HTTP or MOCK."""

    kind: str
    uri: str
    method: str
    has_role: bool
    parameters: Mapping[str, str]
    templates: Mapping[str, str]
    passthrough: str
    content_handling: str | None
    timeout_seconds: float
    responses: tuple[IntegrationResponse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """`parameters`: `method.request.header.x` and whether it is required. `models`: names of models by media type."""

    http_method: str
    authorization: str
    authorizer_id: str
    scopes: tuple[str, ...]
    needs_api_key: bool
    parameters: Mapping[str, bool]
    models: Mapping[str, str]
    validator_id: str
    integration: Integration | None
    response_parameters: Mapping[str, frozenset[str]]
    """By status: the headers that responses may have (`method.response.header.x`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A path with its methods."""

    resource_id: str
    path: str
    methods: Mapping[str, Method]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """`kind`: TOKEN, REQUEST or COGNITO_USER_POOLS."""

    authorizer_id: str
    name: str
    kind: str
    uri: str
    identity_sources: tuple[str, ...]
    validation: str | None
    ttl_seconds: int
    has_role: bool
    provider_arns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """What is validated before the integration is asked."""

    validates_body: bool
    validates_parameters: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayResponse:
    """How the gateway itself answers in one case."""

    status: int | None
    parameters: Mapping[str, str]
    templates: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedApi:
    """What a deployment holds."""

    resources: RouteTable[Resource]
    authorizers: Mapping[str, Authorizer]
    models: Mapping[str, str]
    """Schemas by name."""
    validators: Mapping[str, Validator]
    gateway_responses: Mapping[str, GatewayResponse]
    binary_types: tuple[str, ...]
    takes_key_from_authorizer: bool
    policy: ApiPolicy | None
    needs_plans: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RestStage:
    """`throttles`: by `RESOURCE_PATH/METHOD` (`~1` for slashes in the path), `*/*` for the others."""

    name: str
    deployment_id: str
    variables: Mapping[str, str]
    throttles: Mapping[str, Throttle]
    deployed: DeployedApi


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of a usage plan."""

    key_id: str
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePlan:
    """`stages`: the names of this API's stages that it is for. `quota`: how many requests a period (DAY, WEEK, MONTH)."""

    plan_id: str
    stages: frozenset[str]
    keys: Mapping[str, ApiKey]
    """By value."""
    throttle: Throttle | None
    quota: tuple[int, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestApi:
    """With all its stages."""

    api_id: str
    scope: Scope
    is_disabled: bool
    stages: Mapping[str, RestStage]
    plans: tuple[UsagePlan, ...]


def read_deployed(
    scope: Scope,
    api: Mapping[str, Any],
    *,
    resources: list[dict[str, Any]],
    authorizers: list[dict[str, Any]],
    models: list[dict[str, Any]],
    validators: list[dict[str, Any]],
    gateway_responses: list[dict[str, Any]],
) -> DeployedApi:
    """Out of the answers of GetRestApi, GetResources (with methods), GetAuthorizers, …"""
    read = [_resource(each) for each in resources]
    methods = [method for resource in read for method in resource.methods.values()]
    return DeployedApi(
        resources=RouteTable({f"ANY {resource.path}": resource for resource in read if resource.methods}),
        authorizers={each["id"]: _authorizer(each) for each in authorizers},
        models={each["name"]: each.get("schema") or "" for each in models},
        validators={
            each["id"]: Validator(
                validates_body=bool(each.get("validateRequestBody")), validates_parameters=bool(each.get("validateRequestParameters"))
            )
            for each in validators
        },
        gateway_responses={each["responseType"]: _gateway_response(each) for each in gateway_responses},
        binary_types=tuple(each.replace("~1", "/") for each in api.get("binaryMediaTypes") or ()),
        takes_key_from_authorizer=api.get("apiKeySource") == "AUTHORIZER",
        policy=read_api_policy(api.get("policy"), scope=scope, api_id=api.get("id") or ""),
        needs_plans=any(method.needs_api_key for method in methods),
    )


def read_stage(given: Mapping[str, Any], deployed: DeployedApi) -> RestStage:
    """botocore's shape `Stage`."""
    throttles = {}
    for key, settings in (given.get("methodSettings") or {}).items():
        rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
        if rate is not None and burst is not None and float(rate) >= 0:
            throttles[key] = Throttle(rate=float(rate), burst=int(burst))
    return RestStage(
        name=given["stageName"],
        deployment_id=given.get("deploymentId") or "",
        variables=given.get("variables") or {},
        throttles=throttles,
        deployed=deployed,
    )


def read_plan(given: Mapping[str, Any], api_id: str, keys: list[dict[str, Any]], enabled: Mapping[str, bool]) -> UsagePlan:
    """botocore's shape `UsagePlan`, its keys, and which keys are enabled, by their ids."""
    throttle, quota = given.get("throttle") or {}, given.get("quota") or {}
    return UsagePlan(
        plan_id=given["id"],
        stages=frozenset(each["stage"] for each in given.get("apiStages") or () if each.get("apiId") == api_id),
        keys={each["value"]: ApiKey(key_id=each["id"], is_enabled=enabled.get(each["id"], True)) for each in keys if each.get("value")},
        throttle=Throttle(rate=float(throttle["rateLimit"]), burst=int(throttle.get("burstLimit") or 1))
        if throttle.get("rateLimit")
        else None,
        quota=(int(quota["limit"]), str(quota.get("period") or "DAY")) if quota.get("limit") is not None else None,
    )


def _resource(given: Mapping[str, Any]) -> Resource:
    methods = {name: _method(name, each) for name, each in (given.get("resourceMethods") or {}).items()}
    return Resource(resource_id=given["id"], path=given["path"], methods=methods)


def _method(http_method: str, given: Mapping[str, Any]) -> Method:
    integration = given.get("methodIntegration")
    responses = given.get("methodResponses") or {}
    return Method(
        http_method=http_method,
        authorization=given.get("authorizationType") or "NONE",
        authorizer_id=given.get("authorizerId") or "",
        scopes=tuple(given.get("authorizationScopes") or ()),
        needs_api_key=bool(given.get("apiKeyRequired")),
        parameters={name: bool(required) for name, required in (given.get("requestParameters") or {}).items()},
        models=given.get("requestModels") or {},
        validator_id=given.get("requestValidatorId") or "",
        integration=_integration(integration) if integration and integration.get("type") else None,
        response_parameters={status: frozenset(each.get("responseParameters") or ()) for status, each in responses.items()},
    )


def _integration(given: Mapping[str, Any]) -> Integration:
    return Integration(
        kind=given["type"],
        uri=given.get("uri") or "",
        method=given.get("httpMethod") or "POST",
        has_role=bool(given.get("credentials")),
        parameters=given.get("requestParameters") or {},
        templates=given.get("requestTemplates") or {},
        passthrough=given.get("passthroughBehavior") or "WHEN_NO_MATCH",
        content_handling=given.get("contentHandling"),
        timeout_seconds=int(given.get("timeoutInMillis") or 29_000) / 1_000,
        responses=tuple(
            IntegrationResponse(
                status=status,
                selection_pattern=each.get("selectionPattern") or None,
                parameters=each.get("responseParameters") or {},
                templates=each.get("responseTemplates") or {},
                content_handling=each.get("contentHandling"),
            )
            for status, each in (given.get("integrationResponses") or {}).items()
        ),
    )


def _authorizer(given: Mapping[str, Any]) -> Authorizer:
    sources = given.get("identitySource") or ""
    ttl = given.get("authorizerResultTtlInSeconds")
    return Authorizer(
        authorizer_id=given["id"],
        name=given.get("name") or "",
        kind=given.get("type") or "",
        uri=given.get("authorizerUri") or "",
        identity_sources=tuple(source.strip() for source in sources.split(",") if source.strip()),
        validation=given.get("identityValidationExpression"),
        ttl_seconds=300 if ttl is None else int(ttl),
        has_role=bool(given.get("authorizerCredentials")),
        provider_arns=tuple(given.get("providerARNs") or ()),
    )


def _gateway_response(given: Mapping[str, Any]) -> GatewayResponse:
    status = given.get("statusCode")
    return GatewayResponse(
        status=int(status) if status else None,
        parameters=given.get("responseParameters") or {},
        templates=given.get("responseTemplates") or {},
    )
