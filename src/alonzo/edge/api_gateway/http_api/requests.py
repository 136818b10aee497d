"""A request to an HTTP API that has found its stage and route, and the events that are made of it."""

import urllib.parse
from functools import lru_cache
from typing import Any

import msgspec

from alonzo.edge.api_gateway.http_api.configuration import Integration, Route, Stage, VersionTwoApi
from alonzo.edge.http_events.payload_v1 import payload_v1
from alonzo.edge.http_events.payload_v2 import http_context, payload_v2, request_time
from alonzo.edge.http_events.request import HttpRequest

DEFAULT_STAGE = "$default"
_CAPITALIZED = {
    name.lower(): name
    for name in ("Content-Length", "Host", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto")
}
"""In format 1.0 HTTP APIs write these so, and all others as they came. Source: the sample event on the page of format 1.0."""


class RoutedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is decoded, with the stage if it is a named one; `variables` are those of the route's path; `integration` is the route's.

    `trace_header`: as the client sent it, or as the gateway has made it; None: the client's is none.
    """

    api: VersionTwoApi
    stage: Stage
    route: Route
    integration: Integration
    request: HttpRequest
    path: str
    variables: dict[str, str]
    request_id: str
    at_ms: int
    trace_header: str | None

    @property
    def arn(self) -> str:
        """Of the route, as authorizers' policies and functions' policies know it: with the key's path, variables and all."""
        scope = self.api.scope
        return _route_arn(scope.partition, scope.region, scope.account_id, self.api.api_id, self.stage.name, self.route.key)

    @property
    def method_arn(self) -> str:
        """Of this very request."""
        rest = self.path
        if self.stage.name != DEFAULT_STAGE:
            rest = rest.removeprefix(f"/{self.stage.name}") or "/"
        return f"{api_arn(self.api)}/{self.stage.name}/{self.request.method}{rest}"

    def event_v2(self, authorizer: dict[str, Any] | None = None) -> dict[str, Any]:
        """Format 2.0. `TooManyParameters`."""
        event = payload_v2(self.request, context=self.context_v2(authorizer), raw_path=self.path, route_key=self.route.key)
        if self.variables:
            event["pathParameters"] = self.variables
        if self.stage.variables:
            event["stageVariables"] = dict(self.stage.variables)
        return event

    def event_v1(self, authorizer: dict[str, Any] | None = None) -> dict[str, Any]:
        """Format 1.0. `TooManyParameters`."""
        resource = self.route.key.partition(" ")[2] or self.route.key
        event = payload_v1(
            self.request,
            context=self.context_v1(authorizer, resource),
            resource=resource,
            path=self.path,
            path_parameters=self.variables,
            stage_variables=dict(self.stage.variables),
            name_of_header=lambda name: _CAPITALIZED.get(name, name),
        )
        return {"version": "1.0", **event}

    def context_v2(self, authorizer: dict[str, Any] | None) -> dict[str, Any]:
        """`requestContext`."""
        host = self.request.host_name
        context: dict[str, Any] = {
            "accountId": self.api.scope.account_id,
            "apiId": self.api.api_id,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": http_context(self.request, self.path),
            "requestId": self.request_id,
            "routeKey": self.route.key,
            "stage": self.stage.name,
            "time": request_time(self.at_ms),
            "timeEpoch": self.at_ms,
        }
        if authorizer is not None:
            context["authorizer"] = authorizer
        return context

    def context_v1(self, authorizer: dict[str, Any] | None, resource: str) -> dict[str, Any]:
        """`requestContext` of format 1.0."""
        host = self.request.host_name
        context: dict[str, Any] = {"accountId": self.api.scope.account_id, "apiId": self.api.api_id}
        if authorizer is not None:
            context["authorizer"] = authorizer
        return context | {
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "extendedRequestId": self.request_id,
            "httpMethod": self.request.method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "cognitoAmr": None,
                "cognitoAuthenticationProvider": None,
                "cognitoAuthenticationType": None,
                "cognitoIdentityId": None,
                "cognitoIdentityPoolId": None,
                "principalOrgId": None,
                "sourceIp": self.request.source_ip,
                "user": None,
                "userAgent": self.request.find_header(b"user-agent"),
                "userArn": None,
            },
            "path": self.path,
            "protocol": self.request.protocol,
            "requestId": self.request_id,
            "requestTime": request_time(self.at_ms),
            "requestTimeEpoch": self.at_ms,
            "resourceId": self.route.key,
            "resourcePath": resource,
            "stage": self.stage.name,
        }


@lru_cache(maxsize=1_024)
def _route_arn(partition: str, region: str, account_id: str, api_id: str, stage_name: str, key: str) -> str:  # noqa: PLR0917
    method, _, path = key.partition(" ")
    rest = f"{method.replace('ANY', '*')}{path}" if path else key
    return f"arn:{partition}:execute-api:{region}:{account_id}:{api_id}/{stage_name}/{rest}"


def api_arn(api: VersionTwoApi) -> str:
    """What ARNs of routes begin with."""
    return f"arn:{api.scope.partition}:execute-api:{api.scope.region}:{api.scope.account_id}:{api.api_id}"


def decoded_path(path: bytes) -> str:
    """Percent-decoded, what is not UTF-8 replaced."""
    text = path.decode("latin-1")
    return urllib.parse.unquote(text, errors="replace") if "%" in text else text
