"""The clients of all other AWS services: opened when first needed, owned and closed by one object.

aiobotocore, the usual choice, pins botocore to versions older than ours. boto3 in threads would take a thread for each call that waits, and
pollers wait all the time. So botocore does what it knows (models, protocols, signatures: `calls.py`) and aiohttp what asyncio needs
(`transport.py`). Both are imported with the first call: a node whose functions have no destinations does not pay for them (13 MB, a
quarter of a second).
"""

import asyncio
import importlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from alonzo.aws.client.endpoints import COMPANION, AwsEndpoints, leads_to_aws
from alonzo.aws.client.errors import AwsUnreachable, NoAwsEndpoint
from alonzo.aws.client.messages import HttpRequest
from alonzo.aws.client.trust import trusted
from alonzo.model.scope import Scope

if TYPE_CHECKING:
    from alonzo.aws.client.calls import AwsCalls
    from alonzo.aws.client.transport import Transport

_TRACE_HEADER = "X-Amzn-Trace-Id"
_ACCOUNT_HEADER = "x-moto-account-id"
"""How the companion is told the account, which it would look for among access keys of its own making."""

_DEPLOYMENT_HEADER = "x-alonzo-deployment"
"""How the companion is told which snapshot of an API is to be read."""

ANSWER_MAX_BYTES = 16 << 20
_OK, _NOT_FOUND = 200, 404


class AwsClients:
    """One a node. `companion_socket`: where the companion listens, if there is one. `aclose` ends what is under way.

    `on_called` is told service and operation of each call that was answered.
    """

    def __init__(
        self, *, endpoints: AwsEndpoints, companion_socket: str | None = None, on_called: Callable[[str, str], None] = lambda *_: None
    ) -> None:
        self._endpoints = endpoints
        self._companion_socket = companion_socket
        self._on_called = on_called
        self._opening = asyncio.Lock()
        self._opened: tuple[AwsCalls, Transport] | None = None

    async def call(
        self,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        *,
        scope: Scope,
        trace_header: str | None = None,
        answer_max_bytes: int = ANSWER_MAX_BYTES,
        is_long_poll: bool = False,
        deployment_id: str | None = None,
    ) -> dict[str, Any]:
        """Call an operation in an account and region and return what it answers, both as botocore shapes them. It is tried once.

        `is_long_poll`: the service takes its time to answer; such calls are not in the way of others.
        `service` is the name of boto's variable in lower case (`eventbridge`). Raises AwsCallFailed; AwsAnswerTooLarge is one.
        `deployment_id`: API Gateway's answer shall be as of then; only the companion can do that, others answer as of now.
        """
        endpoint = self._endpoints.find(service)
        if endpoint is None:
            raise NoAwsEndpoint(service)
        calls, transport = self._opened or await self._open()
        headers = {} if trace_header is None else {_TRACE_HEADER: trace_header}
        to_companion = endpoint == COMPANION
        if to_companion:
            headers[_ACCOUNT_HEADER] = scope.account_id
            if deployment_id is not None:
                headers[_DEPLOYMENT_HEADER] = deployment_id
        # In a thread: models are read from files, credentials may come over the network, and 6 MB take 20 ms to be signed.
        request = await asyncio.to_thread(calls.prepare, service, operation, parameters, endpoint=endpoint, scope=scope, headers=headers)
        response = await transport.send(request, to_companion=to_companion, answer_max_bytes=answer_max_bytes, is_long_poll=is_long_poll)
        self._on_called(service, operation)
        return await asyncio.to_thread(calls.read, service, operation, response)

    def is_companion(self, service: str) -> bool:
        """Whether calls to a service go to the companion."""
        return self._endpoints.find(service) == COMPANION

    async def find_place(self, service: str, kind: str, name: str) -> dict[str, str] | None:
        """Whose something of the companion's is, and in which region, for what is named without either: `apis`, `load-balancers`.

        None: there is none, or the service is not the companion's. Raises AwsCallFailed.
        """
        if not self.is_companion(service):
            return None
        content = await self._exchange("GET", f"http://localhost/_alonzo/{kind}/{name}", host="localhost", to_companion=True)
        place: dict[str, str] | None = None if content is None else json.loads(content)
        return place

    async def hand_response(self, request_id: str, content: bytes) -> bool:
        """Give the companion's CloudFormation what a custom resource has answered; whether it waits for it. Raises AwsCallFailed."""
        url = f"http://localhost/_alonzo/responses/{request_id}"
        return await self._exchange("PUT", url, host="localhost", to_companion=True, body=content) is not None

    async def find_page(self, service: str, url: str) -> bytes | None:
        """A public page of a service (`https://cognito-idp.us-east-1.amazonaws.com/POOL/.well-known/jwks.json`), wherever it is here.

        None: the service is at AWS, or nowhere, and the URL is to be taken as it is. Raises AwsCallFailed.
        """
        endpoint = self._endpoints.find(service)
        if endpoint is None or leads_to_aws(endpoint):
            return None
        parts = urlsplit(url)
        base = "http://localhost" if endpoint == COMPANION else endpoint
        return await self._exchange("GET", f"{base}{parts.path}", host=parts.netloc, to_companion=endpoint == COMPANION) or b""

    async def aclose(self) -> None:
        """Close all connections; there are no calls after it."""
        async with self._opening:
            if self._opened is not None:
                await self._opened[1].aclose()
                self._opened = None

    async def _exchange(self, method: str, url: str, *, host: str, to_companion: bool, body: bytes = b"") -> bytes | None:
        _, transport = self._opened or await self._open()
        request = HttpRequest(method=method, url=url, headers={"Host": host}, body=body)
        response = await transport.send(request, to_companion=to_companion, answer_max_bytes=ANSWER_MAX_BYTES)
        if response.status not in {_OK, _NOT_FOUND}:
            raise AwsUnreachable(f"{url} answers {response.status}")
        return response.body if response.status == _OK else None

    async def _open(self) -> "tuple[AwsCalls, Transport]":
        async with self._opening:
            if self._opened is None:
                calls, transport = await asyncio.to_thread(_import)
                certificates = await asyncio.to_thread(trusted, self._endpoints.ca_bundle)
                self._opened = calls.AwsCalls(), transport.Transport(companion_socket=self._companion_socket, certificates=certificates)
            return self._opened


def _import() -> tuple[Any, Any]:
    package = __name__.rpartition(".")[0]
    return importlib.import_module(f"{package}.calls"), importlib.import_module(f"{package}.transport")
