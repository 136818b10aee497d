"""One endpoint for all AWS APIs: finds service and operation of a request, reads it, has it done, answers.

Every way out of here is an answer: `ApiError`s as they are, other foreseen errors through the injected translation, anything else is logged
with its request id and answered as `ServiceException`.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from alonzo.aws.api_error import ApiError, not_implemented
from alonzo.aws.identity import ANONYMOUS, Caller, CallerDirectory, printable
from alonzo.aws.parsing import parse
from alonzo.aws.requests import Request, Response
from alonzo.aws.routing import Route
from alonzo.aws.serialization import serialize, serialize_error, serialize_error_as_xml
from alonzo.aws.service_model import ServiceModel, ServiceModels
from alonzo.aws.services import expects_xml, service_of
from alonzo.aws.validation import validate
from alonzo.edge.asgi import AsgiScope, Receive, Send, send_response
from alonzo.edge.audit_trail import AuditedCall
from alonzo.edge.event_stream_answer import EVENT_STREAM_HEADER, StreamedResponse, send_stream
from alonzo.edge.failures import as_api_error
from alonzo.edge.operations import CallContext, OperationHandler, OperationTable, StreamHandler, StreamTable
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, discard_body, read_body
from alonzo.errors import AlonzoError

REQUEST_MAX_BYTES = 6_291_456
REQUEST_WITH_CODE_MAX_BYTES = 70_167_211
"""Source of both: AWS's own message, "Request must be smaller than 70167211 bytes for the CreateFunction operation"."""
OPERATIONS_WITH_CODE = frozenset({"CreateFunction", "UpdateFunctionCode", "PublishLayerVersion"})

NO_STREAMS: Mapping[str, StreamTable] = MappingProxyType({})

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A request whose operation is known and there."""

    caller: Caller
    model: ServiceModel
    route: Route
    perform: OperationHandler | None
    stream: StreamHandler | None = None
    """One of the two is there."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Once they have been read."""


class AwsApi:
    """The endpoint of every AWS operation but `Invoke`. `before_answer` is waited for once everything has been done, `audit` told of it."""

    def __init__(
        self,
        *,
        models: ServiceModels,
        operations: Mapping[str, OperationTable],
        callers: CallerDirectory,
        translate_error: Callable[[AlonzoError], ApiError],
        new_request_id: Callable[[], str],
        audit: Callable[[AuditedCall], None],
        before_answer: Callable[[], Awaitable[None]] | None = None,
        streams: Mapping[str, StreamTable] = NO_STREAMS,
    ) -> None:
        self._audit = audit
        self._streams = streams
        self._models = models
        self._operations = operations
        self._callers = callers
        self._translate_error = translate_error
        self._new_request_id = new_request_id
        self._before_answer = before_answer

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        request_id = self._new_request_id()
        try:
            response = await self._answer(scope, receive, request_id)
        except ClientDisconnected:
            return
        if self._before_answer is not None:
            await self._before_answer()
        headers = [*response.headers, (b"x-amzn-requestid", request_id.encode())]
        if isinstance(response, StreamedResponse):
            await send_stream(receive, send, headers, response.parts)
            return
        await send_response(send, response.status, headers, response.body)

    async def _answer(self, scope: AsgiScope, receive: Receive, request_id: str) -> Response | StreamedResponse:
        request = _request_of(scope, b"")
        caller = ANONYMOUS
        model = None
        try:
            caller = self._callers.caller_of(request.headers, scope["query_string"])
            service = service_of(self._models, caller, request)
            model = None if service is None else self._models.find(service)
            call = self._call_of(request, caller, service, model)
        except ApiError as error:
            await discard_body(receive)
            if expects_xml(self._models, caller, request):
                return serialize_error_as_xml(error, request_id=request_id)
            return serialize_error(model, error)
        try:
            return await self._perform(call, scope, receive, request_id)
        except ClientDisconnected:
            raise
        except Exception as error:  # a request ends here: whatever it was, the client gets an answer
            api_error = self._as_api_error(error, request_id)
            self._note(call, scope, request_id, None, error=api_error)
            return serialize_error(call.model, api_error)

    def _call_of(self, request: Request, caller: Caller, service: str | None, model: ServiceModel | None) -> _Call:
        target = request.find_header(b"x-amz-target")
        if service is None:
            raise _unknown_operation()
        if model is None:
            operation = target.rpartition(".")[2] if target else f"{request.method} {request.path}"
            raise not_implemented(service=printable(service), operation=printable(operation))
        route = model.find_route(method=request.method, path=request.path, query_string=request.query_string, target=target)
        if route is None:
            raise _unknown_operation()
        perform = self._operations.get(service, {}).get(route.operation.name)
        stream = self._streams.get(service, {}).get(route.operation.name)
        if perform is None and stream is None:
            raise not_implemented(service=service, operation=route.operation.name)
        return _Call(caller=caller, model=model, route=route, perform=perform, stream=stream)

    async def _perform(self, call: _Call, scope: AsgiScope, receive: Receive, request_id: str) -> Response | StreamedResponse:
        operation = call.route.operation
        try:
            body = await read_body(scope, receive, limit_bytes=request_limit_bytes(operation.name))
        except BodyTooLarge as error:
            raise request_too_large(limit_bytes=error.limit_bytes, operation=operation.name) from error
        parameters = parse(call.model, call.route, _request_of(scope, body))
        validate(call.model, operation, parameters)
        trace_header = next((value for name, value in scope["headers"] if name == b"x-amzn-trace-id"), None)
        context = CallContext(caller=call.caller, request_id=request_id, base_url=base_url_of(scope), trace_header=trace_header)
        call.parameters.update(parameters)
        if call.stream is not None:
            return StreamedResponse([EVENT_STREAM_HEADER], await call.stream(context, parameters))
        assert call.perform is not None
        result = await call.perform(context, parameters)
        self._note(call, scope, request_id, result)
        return serialize(call.model, operation, result)

    def _note(
        self, call: _Call, scope: AsgiScope, request_id: str, result: Mapping[str, Any] | None, *, error: ApiError | None = None
    ) -> None:
        self._audit(
            AuditedCall(
                caller=call.caller,
                model=call.model,
                operation=call.route.operation,
                request_id=request_id,
                headers=scope["headers"],
                client=scope["client"],
                parameters=call.parameters,
                result=result,
                error=error,
            )
        )

    def _as_api_error(self, error: Exception, request_id: str) -> ApiError:
        return as_api_error(error, request_id, translate_error=self._translate_error, log=_logger)


def request_limit_bytes(operation: str) -> int:
    """How large a request of that operation may be."""
    return REQUEST_WITH_CODE_MAX_BYTES if operation in OPERATIONS_WITH_CODE else REQUEST_MAX_BYTES


def request_too_large(*, limit_bytes: int, operation: str) -> ApiError:
    """AWS's answer to a request beyond the limit. The operation is named as AWS names it (`InvokeFunction` for Invoke)."""
    message = f"Request must be smaller than {limit_bytes} bytes for the {operation} operation"
    return ApiError(code="RequestEntityTooLargeException", message=message, http_status=413)


def base_url_of(scope: AsgiScope) -> str:
    """This endpoint as the client reached it: what its `Host` says, else the address of the socket."""
    for name, value in scope["headers"]:
        if name == b"host" and value:
            return f"{scope['scheme']}://{printable(value.decode('latin-1'))}"
    host, port = scope["server"] or ("localhost", None)
    return f"{scope['scheme']}://{host}" if port is None else f"{scope['scheme']}://{host}:{port}"


def _request_of(scope: AsgiScope, body: bytes) -> Request:
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query_string=scope["query_string"].decode("latin-1"),
        headers=scope["headers"],
        body=body,
    )


def _unknown_operation() -> ApiError:
    return ApiError(code="UnknownOperationException", message="The requested operation is not recognized by the service.", http_status=404)
