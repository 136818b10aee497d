"""A server as clients of APIs see it: plain HTTP, with whatever `Host` a test wants."""

import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.support.server import Server

_SERVICES = ("apigateway.amazonaws.com", "elasticloadbalancing.amazonaws.com")


@dataclass(frozen=True)
class Answered:
    """A whole answer; names of headers in lower case, several values in one list."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return ", ".join(self.headers[name]) if name in self.headers else None


class Front:
    """`server`, its port, and short ways to what tests need."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = int(server.endpoint_url.rsplit(":", 1)[1])
        self.v1 = server.client("apigateway")
        self.v2 = server.client("apigatewayv2")
        self.elb = server.client("elbv2")

    def deploy(self, name: str, source: str, **configuration: Any) -> str:
        """A function that services may call; its ARN."""
        self.server.deploy(name, source, **configuration)
        functions = self.server.client("lambda")
        for number, service in enumerate(_SERVICES):
            functions.add_permission(FunctionName=name, StatementId=f"s{number}", Action="lambda:InvokeFunction", Principal=service)
        return self.arn(name)

    def arn(self, name: str) -> str:
        return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"

    def send(
        self,
        method: str,
        path: str,
        *,
        host: str | None = None,
        headers: dict[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answered:
        """`host`: what the request says it is for; the server's own address without it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=host is not None, skip_accept_encoding=True)
            if host is not None:
                connection.putheader("Host", host)
            for name, value in headers.items() if isinstance(headers, dict) else headers:
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            response = connection.getresponse()
            answered: dict[str, list[str]] = {}
            for name, value in response.getheaders():
                answered.setdefault(name.lower(), []).append(value)
            return Answered(response.status, answered, response.read())
        finally:
            connection.close()

    def http_api(
        self,
        routes: dict[str, str],
        *,
        payload: str = "2.0",
        stage: str = "$default",
        variables: dict[str, str] | None = None,
        **settings: Any,
    ) -> "HttpApi":
        """An HTTP API whose routes lead to functions, by their names; `stage` is deployed."""
        made = self.v2.create_api(Name="test", ProtocolType="HTTP", **settings)
        api = HttpApi(self, made["ApiId"], made["ApiEndpoint"].removeprefix("http://"))
        for key, function in routes.items():
            api.add_route(key, self.arn(function), payload=payload)
        self.v2.create_stage(ApiId=api.api_id, StageName=stage, AutoDeploy=True, StageVariables=variables or {})
        return api


@dataclass(frozen=True)
class HttpApi:
    """`host`: what requests for it say."""

    front: Front
    api_id: str
    host: str

    def add_route(self, key: str, uri: str, *, payload: str = "2.0", **settings: Any) -> str:
        integration = self.front.v2.create_integration(
            ApiId=self.api_id, IntegrationType="AWS_PROXY", IntegrationUri=uri, PayloadFormatVersion=payload
        )["IntegrationId"]
        route = self.front.v2.create_route(ApiId=self.api_id, RouteKey=key, Target=f"integrations/{integration}", **settings)
        return str(route["RouteId"])

    def send(self, method: str, path: str, **settings: Any) -> Answered:
        return self.front.send(method, path, host=self.host, **settings)
