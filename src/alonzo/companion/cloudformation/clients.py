"""AWS's APIs for what makes resources, called as any client would at the node's endpoint, which knows where each service is."""

import threading
from typing import Any

import boto3
from botocore.config import Config

from alonzo.companion.cloudformation.errors import ResourceFailed
from alonzo.companion.cloudformation.responses import Responses
from alonzo.companion.node import Node

_SECRET = "alonzo"  # noqa: S105 - signatures that nobody checks
_READ_SECONDS = 120
_CONNECTIONS = 16
_CHECKED_BY_NODE = "lambda"
"""The service whose own messages are to be the reasons, not botocore's; moto expects what botocore lets through."""


class Clients:
    """boto3's clients, made once for each service, account and region. The access key is the account's id.

    `node`: for what no API of AWS's can do. `responses`: those of custom resources.
    """

    def __init__(self, *, node: Node, responses: Responses) -> None:
        self.node = node
        self.responses = responses
        self.endpoint_url = node.endpoint_url
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, str], Any] = {}

    def client(self, service: str, *, account_id: str, region: str) -> Any:
        """One of them."""
        with self._lock:  # boto3's sessions are not for several threads at once; its clients are
            key = (service, account_id, region)
            if key not in self._clients:
                made = self._clients[key] = boto3.client(
                    service,
                    endpoint_url=self.endpoint_url,
                    aws_access_key_id=account_id,
                    aws_secret_access_key=_SECRET,
                    region_name=region,
                    config=Config(
                        proxies={},
                        read_timeout=_READ_SECONDS,
                        max_pool_connections=_CONNECTIONS,
                        retries={"total_max_attempts": 2, "mode": "standard"},
                        s3={"addressing_style": "path"},
                        parameter_validation=service != _CHECKED_BY_NODE,
                    ),
                )
                made.meta.events.register(f"before-parameter-build.{_CHECKED_BY_NODE}", _check_address)
            return self._clients[key]


def _check_address(params: dict[str, Any], model: Any, **_: Any) -> None:
    """Without what goes into the path there is no request that Lambda could refuse."""
    shape = model.input_shape
    for name in () if shape is None else shape.required_members:
        if shape.members[name].serialization.get("location") == "uri" and not params.get(name):
            raise ResourceFailed(f"Properties validation failed: #: required key [{name}] not found")
