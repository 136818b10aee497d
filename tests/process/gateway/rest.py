"""REST APIs, made in few words."""

from dataclasses import dataclass, field
from typing import Any, Self

from tests.process.gateway.front import Answered, Front


@dataclass(frozen=True)
class RestApi:
    """`resources`: ids by path."""

    front: Front
    api_id: str
    resources: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, front: Front, **settings: Any) -> Self:
        api_id = front.v1.create_rest_api(name="test", **settings)["id"]
        root = front.v1.get_resources(restApiId=api_id)["items"][0]["id"]
        return cls(front, api_id, {"/": root})

    @property
    def host(self) -> str:
        return f"{self.api_id}.execute-api.us-east-1.localhost:{self.front.port}"

    def resource(self, path: str) -> str:
        """Its id; it is made if it is not there, with those above it."""
        if path not in self.resources:
            parent, _, part = path.rpartition("/")
            made = self.front.v1.create_resource(restApiId=self.api_id, parentId=self.resource(parent or "/"), pathPart=part)
            self.resources[path] = made["id"]
        return self.resources[path]

    def add_method(self, method: str, path: str, **settings: Any) -> dict[str, str]:
        """How further calls name it."""
        place = {"restApiId": self.api_id, "resourceId": self.resource(path), "httpMethod": method}
        self.front.v1.put_method(**place, **({"authorizationType": "NONE"} | settings))
        return place

    def add_proxy(self, method: str, path: str, function: str, **settings: Any) -> dict[str, str]:
        place = self.add_method(method, path, **settings)
        self.front.v1.put_integration(**place, type="AWS_PROXY", integrationHttpMethod="POST", uri=self.uri(function))
        return place

    def uri(self, function: str) -> str:
        return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{self.front.arn(function)}/invocations"

    def deploy(self, stage: str, **settings: Any) -> None:
        self.front.v1.create_deployment(restApiId=self.api_id, stageName=stage, **settings)

    def send(self, method: str, path: str, **settings: Any) -> Answered:
        return self.front.send(method, path, host=self.host, **settings)
