"""Requests for services that are not ours, passed on: to the companion, or where the user said that a service is.

Bodies pass through in parts, both ways, and are nowhere held whole. What the companion needs to know is said in headers of ours; a client's
own headers of these names are dropped.
"""

import asyncio
import contextlib
import importlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from alonzo.aws.api_error import ApiError, not_implemented
from alonzo.aws.client.endpoints import COMPANION, AwsEndpoints, leads_to_aws
from alonzo.aws.client.trust import trusted
from alonzo.aws.requests import Headers
from alonzo.aws.serialization import serialize_error, serialize_error_as_xml
from alonzo.edge.asgi import AsgiScope, Endpoint, Receive, Send, send_response
from alonzo.edge.other_services import OtherRequest
from alonzo.edge.passed_calls import NotePassed, PassedCall, is_form, passed_call
from alonzo.edge.request_body import ClientDisconnected, discard_body

if TYPE_CHECKING:
    from alonzo.edge.upstream import Upstream

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Source: RFC 9110, 7.6.1. They are between two that are connected, and so not passed on."""

_FORWARDED = b"x-alonzo-forwarded"
"""How many servers have passed a request on: a service may be that of another Alonzo, and that one's elsewhere again."""

_FORWARDED_MAX = 4
_OURS = frozenset({b"x-moto-account-id", b"x-alonzo-request", b"x-alonzo-deployment", _FORWARDED})
_NOT_SENT = _HOP_BY_HOP | _OURS | {b"expect", b"host"}
_NOT_RETURNED = _HOP_BY_HOP | {b"date", b"server", b"via"}
_READS = frozenset({"GET", "HEAD"})
_BOTO_NAMES = {"events": "eventbridge", "states": "sfn", "monitoring": "cloudwatch", "email": "ses", "elasticloadbalancing": "elbv2"}
"""The names of boto's variables, where they are not those that requests are signed for."""

_XML_SERVICES = frozenset(
    {
        "s3",
        "sts",
        "iam",
        "sns",
        "ec2",
        "cloudformation",
        "autoscaling",
        "route53",
        "cloudfront",
        "rds",
        "elasticache",
        "elasticloadbalancing",
    }
)
"""Whose clients read errors in XML. Others look for JSON, or for the status alone."""

_log = logging.getLogger(__name__)


class RequestFinder(Protocol):
    """Tells requests for other services from ours (`OtherServices`)."""

    def find(self, scope: AsgiScope) -> OtherRequest | None:
        """None if it is ours."""
        ...


class PartlyOwn(Protocol):
    """Answers some operations of a service itself, and has the rest answered otherwise."""

    async def answer(self, scope: AsgiScope, receive: Receive, send: Send, *, otherwise: Endpoint) -> None: ...


class ServiceProxy:
    """An `Endpoint`: `own` answers what is for our services, and what is for services that are nowhere.

    `partly_own`: services of which we answer a part, by signing names, unless the user said that they are elsewhere.
    `companion_socket` is where the companion listens. `on_request` is told the service of each request that was answered; `on_write`,
    before the client has the answer, of each that may have changed something; `note_passed`, of each that belongs into the audit trail.
    `aclose` ends what is under way.
    """

    def __init__(
        self,
        *,
        requests: RequestFinder,
        endpoints: AwsEndpoints,
        companion_socket: str | None,
        own: Endpoint,
        partly_own: Mapping[str, PartlyOwn],
        new_request_id: Callable[[], str],
        on_request: Callable[[str], None],
        on_write: Callable[[str], Awaitable[None]],
        note_passed: NotePassed,
    ) -> None:
        self._requests = requests
        self._endpoints = endpoints
        self._companion_socket = companion_socket
        self._own = own
        self._partly_own = partly_own
        self._new_request_id = new_request_id
        self._on_request = on_request
        self._on_write = on_write
        self._note_passed = note_passed
        self._opening = asyncio.Lock()
        self._upstream: Upstream | None = None

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        request = self._requests.find(scope)
        endpoint = None if request is None else self._endpoint_of(request.service)
        partly_own = None if request is None else self._partly_own.get(request.service)
        if partly_own is not None and endpoint in {None, COMPANION}:
            await partly_own.answer(scope, receive, send, otherwise=self._answer_otherwise)
            return
        await self._answer(scope, receive, send, request=request, endpoint=endpoint)

    async def _answer_otherwise(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        request = self._requests.find(scope)
        endpoint = None if request is None else self._endpoint_of(request.service)
        await self._answer(scope, receive, send, request=request, endpoint=endpoint)

    async def _answer(self, scope: AsgiScope, receive: Receive, send: Send, *, request: OtherRequest | None, endpoint: str | None) -> None:
        if request is None or endpoint is None:
            await self._own(scope, receive, send)
            return
        try:
            _check_way(scope, request, endpoint)
        except ApiError as error:
            with contextlib.suppress(ClientDisconnected):
                await discard_body(receive)
                await self._refuse(send, request, error, self._new_request_id())
            return
        await self._pass_on(scope, receive, send, request=request, endpoint=endpoint)

    def beside(self, page: Endpoint) -> Endpoint:
        """A page of ours whose path may be an object's, too: a request that is signed, or whose host names a bucket, is for a service."""

        async def answer(scope: AsgiScope, receive: Receive, send: Send) -> None:
            request = self._requests.find(scope)
            is_others = request is not None and (request.bucket is not None or request.access_key_id is not None)
            await (self if is_others else page)(scope, receive, send)

        return answer

    async def aclose(self) -> None:
        """Close all connections; there are no requests after it."""
        async with self._opening:
            if self._upstream is not None:
                await self._upstream.aclose()
                self._upstream = None

    def _endpoint_of(self, service: str) -> str | None:
        name = _BOTO_NAMES.get(service, service)
        return self._endpoints.of_services.get(service) or self._endpoints.find(name)

    async def _pass_on(self, scope: AsgiScope, receive: Receive, send: Send, *, request: OtherRequest, endpoint: str) -> None:
        call = passed_call(scope, request)
        try:
            await self._exchange(scope, receive, send, request=request, endpoint=endpoint, call=call)
        finally:
            if call is not None:
                self._note_passed(call)

    async def _exchange(
        self, scope: AsgiScope, receive: Receive, send: Send, *, request: OtherRequest, endpoint: str, call: PassedCall | None
    ) -> None:
        upstream = self._upstream or await self._open()
        body = _Body(receive, call if call is not None and is_form(scope) else None) if _has_body(scope["headers"]) else None
        is_companion = endpoint == COMPANION
        has_begun = False
        try:
            async with upstream.exchange(
                method=scope["method"],
                base_url=None if is_companion else endpoint,
                target=_target(scope, request if is_companion else None),
                headers=_headers(scope, request, to_companion=is_companion),
                body=None if body is None else body.parts(),
            ) as response:
                if call is not None:
                    call.note_answer(response.status, response.headers)
                if scope["method"] not in _READS:
                    await self._on_write(request.service)  # before the client knows of it
                await send({"type": "http.response.start", "status": response.status, "headers": _returned(response.headers)})
                has_begun = True
                async for part in response.parts():
                    if call is not None:
                        call.note_part(part)
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            self._on_request(request.service)
            await send({"type": "http.response.body", "body": b""})
        except upstream.failures as error:
            if body is not None and body.client_is_gone:
                return
            request_id, place = self._new_request_id(), "companion" if is_companion else endpoint
            why = error or type(error).__name__
            _log.warning("%s %s: no answer: %s", request.service, place, why, extra={"request_id": request_id})
            if call is not None and not has_begun:
                call.note_answer(503, [])
            if has_begun:
                return  # the server cuts the connection off, and the client sees that the answer is not whole
            await self._refuse(send, request, _unavailable(request.service), request_id)

    async def _refuse(self, send: Send, request: OtherRequest, error: ApiError, request_id: str) -> None:
        is_xml = request.service in _XML_SERVICES
        response = serialize_error_as_xml(error, request_id=request_id) if is_xml else serialize_error(None, error)
        await send_response(send, response.status, [*response.headers, (b"x-amzn-requestid", request_id.encode())], response.body)

    async def _open(self) -> "Upstream":
        async with self._opening:
            if self._upstream is None:
                # With the first request: aiohttp takes a quarter of a second and 13 MB, which nodes without other services do not pay.
                module: Any = await asyncio.to_thread(importlib.import_module, "alonzo.edge.upstream")
                certificates = await asyncio.to_thread(trusted, self._endpoints.ca_bundle)
                self._upstream = module.Upstream(companion_socket=self._companion_socket, certificates=certificates)
            return self._upstream


class _Body:
    """A request's body as it comes. `call`: is told how it begins."""

    def __init__(self, receive: Receive, call: PassedCall | None) -> None:
        self._receive = receive
        self._call = call
        self.client_is_gone = False

    async def parts(self) -> AsyncIterator[bytes]:
        """Raises ClientDisconnected when the rest does not come."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] != "http.request":
                self.client_is_gone = True
                raise ClientDisconnected
            if message["body"]:
                if self._call is not None:
                    self._call.note_form(message["body"])
                    self._call = None
                yield message["body"]
            more = message["more_body"]


def _check_way(scope: AsgiScope, request: OtherRequest, endpoint: str) -> None:
    if leads_to_aws(endpoint):
        raise not_implemented(service=request.service, operation="a request of a client, to be signed anew for AWS itself,")
    if endpoint != COMPANION and _forwarded_count(scope) >= _FORWARDED_MAX:
        message = f"The endpoint of {request.service} leads back to this one."
        raise ApiError(code="ServiceUnavailable", message=message, http_status=508, fault="Service")


def _forwarded_count(scope: AsgiScope) -> int:
    """What is no small number is as good as too many."""
    said = next((value for name, value in scope["headers"] if name == _FORWARDED), b"0")
    return int(said) if len(said) == 1 and said.isdigit() else _FORWARDED_MAX


def _unavailable(service: str) -> ApiError:
    return ApiError(code="ServiceUnavailable", message=f"{service} does not answer.", http_status=503, fault="Service")


def _has_body(headers: Headers) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)


def _target(scope: AsgiScope, to_bucket: OtherRequest | None) -> str:
    """The path, which begins with the bucket for the companion, and the query, both as they came."""
    path: bytes = scope["raw_path"]
    if to_bucket is not None and to_bucket.bucket is not None:
        path = b"/" + to_bucket.bucket.encode() + path
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")


def _headers(scope: AsgiScope, request: OtherRequest, *, to_companion: bool) -> list[tuple[str, str]]:
    """`Host` stays as the client wrote it, and signed it, but for a bucket that has gone into the path."""
    sent = [(name.decode("latin-1"), _text(value)) for name, value in scope["headers"] if name not in _NOT_SENT]
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "localhost")
    if not to_companion:
        return [*sent, ("host", host), (_FORWARDED.decode(), str(_forwarded_count(scope) + 1))]
    underscored = [(name, value) for name, value in sent if "_" in name]
    sent = [(name, value) for name, value in sent if "_" not in name]
    if request.access_key_id is not None and request.service != "s3" and not any(name == "authorization" for name, _ in sent):
        sent.append(("authorization", _authorization(request)))  # moto does not look for it in queries
    sent += [
        ("host", request.host or host),
        ("x-moto-account-id", request.account_id),
        ("x-alonzo-request", json.dumps(_said(scope, request, underscored))),
    ]
    return sent


def _said(scope: AsgiScope, request: OtherRequest, underscored: list[tuple[str, str]]) -> dict[str, Any]:
    client = scope.get("client")
    return {
        "uri": _target(scope, request),
        "headers": underscored,
        "client": None if client is None else client[0],
        "access_key_id": request.access_key_id,
        "service": request.service,
    }


def _authorization(request: OtherRequest) -> str:
    scope = f"{request.access_key_id}/20000101/{request.region}/{request.service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def _text(value: bytes) -> str:
    """aiohttp writes headers in UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _returned(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in headers if name.lower() not in _NOT_RETURNED]
