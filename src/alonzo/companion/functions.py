"""The functions of the node, for services that invoke them or want to know whether they are there."""

import threading
from typing import Any

import boto3
from botocore.config import Config

from alonzo.companion.current_request import current_request

_SECRET = "alonzo"  # noqa: S105 - signatures that nobody checks
_ATTEMPTS = 3
_CONNECTIONS = 32
_FUNCTION_SECONDS = 910
"""A little more than a function may take."""


class Functions:
    """Lambda's API, called as any AWS client would. The access key is the account's id, which names the account there."""

    def __init__(self, *, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, account_id: str, region: str) -> Any:
        """boto3's, of an account and region."""
        with self._lock:  # boto3's sessions are not for several threads at once; its clients are
            client = self._clients.get((account_id, region))
            if client is None:
                client = self._clients[account_id, region] = boto3.client(
                    "lambda",
                    endpoint_url=self._endpoint_url,
                    aws_access_key_id=account_id,
                    aws_secret_access_key=_SECRET,
                    region_name=region,
                    config=Config(
                        proxies={},
                        read_timeout=_FUNCTION_SECONDS,
                        max_pool_connections=_CONNECTIONS,
                        retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
                    ),
                )
                client.meta.events.register("before-call.lambda.Invoke", _pass_trace_header_on)
            return client

    def send_event(self, arn: str, event: str) -> None:
        """Have a function's event accepted, in the account and region of its ARN. Raises botocore's errors."""
        elements = arn.split(":")
        self.client(elements[4], elements[3]).invoke(FunctionName=arn, InvocationType="Event", Payload=event.encode())


def _pass_trace_header_on(params: dict[str, Any], **_: Any) -> None:
    """Loops of functions and services are found by it (source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html)."""
    request = current_request()
    if request is not None and request.trace_header is not None:
        params["headers"].setdefault("X-Amzn-Trace-Id", request.trace_header)
