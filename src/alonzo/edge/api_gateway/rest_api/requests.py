"""A request to a REST API that has found its method, and the contexts and events that are made of it.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html and
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from dataclasses import dataclass, field
from typing import Any

from alonzo.edge.api_gateway.rest_api.configuration import ApiKey, Method, Resource, RestApi, RestStage
from alonzo.edge.http_events.payload_v1 import payload_v1
from alonzo.edge.http_events.payload_v2 import request_time
from alonzo.edge.http_events.request import HttpRequest

_CAPITALIZED = {
    name.lower(): name
    for name in (
        *("Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Content-Length", "Content-Type", "Cookie"),
        *("Host", "Origin", "Referer", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"),
    )
}
"""REST APIs pass names on as the client wrote them, and most clients of HTTP/1.1 write these so. What they wrote is not known here."""


@dataclass(slots=True, kw_only=True)
class RestRequest:
    """`path` is decoded and without the stage. `authorizer` and `api_key` are set as they become known."""

    api: RestApi
    stage: RestStage
    resource: Resource
    method: Method
    request: HttpRequest
    path: str
    variables: dict[str, str]
    request_id: str
    extended_id: str
    at_ms: int
    authorizer: dict[str, Any] | None = None
    api_key: tuple[str, ApiKey] | None = None
    """Its value and what it is."""
    _context: dict[str, Any] | None = field(default=None)

    @property
    def arn(self) -> str:
        """Of this very request, as policies know it."""
        return f"{_arn(self.api)}/{self.stage.name}/{self.request.method}{self.path}"

    @property
    def method_arn(self) -> str:
        """Of the method, as policies of functions know it: `*` for variables."""
        path = "/".join("*" if segment.startswith("{") else segment for segment in self.resource.path.split("/"))
        return f"{_arn(self.api)}/{self.stage.name}/{self.method.http_method.replace('ANY', '*')}{path}"

    def authorizer_arn(self, authorizer_id: str) -> str:
        """On whose behalf an authorizer's function is called."""
        return f"{_arn(self.api)}/authorizers/{authorizer_id}"

    @property
    def is_binary(self) -> bool:
        """Whether the body is of one of the API's binary media types."""
        return matches_media_type(self.stage.deployed.binary_types, self.request.find_header(b"content-type"))

    def event(self) -> dict[str, Any]:
        """That of a proxy integration. `TooManyParameters`."""
        return payload_v1(
            self.request,
            context=self.context(),
            resource=self.resource.path,
            path=self.path,
            path_parameters=self.variables,
            stage_variables=dict(self.stage.variables),
            name_of_header=lambda name: _CAPITALIZED.get(name, name),
            is_binary=self.is_binary,
        )

    def context(self) -> dict[str, Any]:
        """`requestContext`, and what `$context` is made of."""
        host = self.request.host_name
        context: dict[str, Any] = {"resourceId": self.resource.resource_id}
        if self.authorizer is not None:
            context["authorizer"] = self.authorizer
        identity: dict[str, Any] = {
            "cognitoIdentityPoolId": None,
            "accountId": None,
            "cognitoIdentityId": None,
            "caller": None,
            "sourceIp": self.request.source_ip,
            "principalOrgId": None,
            "accessKey": None,
            "cognitoAuthenticationType": None,
            "cognitoAuthenticationProvider": None,
            "userArn": None,
            "userAgent": self.request.find_header(b"user-agent"),
            "user": None,
        }
        if self.api_key is not None:
            identity |= {"apiKey": self.api_key[0], "apiKeyId": self.api_key[1].key_id}
        return context | {
            "resourcePath": self.resource.path,
            "httpMethod": self.request.method,
            "extendedRequestId": self.extended_id,
            "requestTime": request_time(self.at_ms),
            "path": f"/{self.stage.name}{self.path}",
            "accountId": self.api.scope.account_id,
            "protocol": self.request.protocol,
            "stage": self.stage.name,
            "domainPrefix": host.partition(".")[0],
            "requestTimeEpoch": self.at_ms,
            "requestId": self.request_id,
            "identity": identity,
            "domainName": host,
            "deploymentId": self.stage.deployment_id,
            "apiId": self.api.api_id,
        }


def matches_media_type(types: tuple[str, ...], content_type: str | None) -> bool:
    """Whether a media type is among those of a list, which may hold `image/*` and `*/*`."""
    if content_type is None:
        return False
    media_type = content_type.partition(";")[0].strip().lower()
    major = media_type.partition("/")[0]
    return any(each.lower() in {media_type, "*/*", f"{major}/*"} for each in types)


def _arn(api: RestApi) -> str:
    return f"arn:{api.scope.partition}:execute-api:{api.scope.region}:{api.scope.account_id}:{api.api_id}"
