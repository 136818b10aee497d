"""CloudWatch's metrics and alarms, in the three protocols that clients speak to it; other operations of it are others' to answer.

Newer SDKs send CBOR, older ones forms, some JSON. Source: the protocols of botocore's model.
"""

import importlib
import logging
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from alonzo.aws.api_error import ApiError, serialization_error
from alonzo.aws.identity import CallerDirectory
from alonzo.aws.parsing import decode_json_object, parse_content
from alonzo.aws.query_protocol import error_status, form_fields, parse_form, query_error_code, serialize_as_xml
from alonzo.aws.requests import Headers, Response, find_header
from alonzo.aws.routing import Route
from alonzo.aws.serialization import serialize, serialize_error, serialize_error_as_xml
from alonzo.aws.service_model import ServiceModel, ServiceModels
from alonzo.aws.validation import validate
from alonzo.edge.asgi import AsgiScope, Endpoint, Message, Receive, Send, send_response
from alonzo.edge.audit_trail import AuditedCall
from alonzo.edge.failures import as_api_error
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, read_body
from alonzo.errors import AlonzoError

SERVICE = "monitoring"
_NAMESPACE = "com.amazonaws.cloudwatch"
_BODY_MAX_BYTES = 1 << 20
"""Source: API_PutMetricData, "each PutMetricData request is limited to 1 MB"; compressed or not."""
_SMITHY_PREFIX = "/service/"

_log = logging.getLogger(__name__)


class _Protocol(Enum):
    CBOR = auto()
    JSON = auto()
    QUERY = auto()


@dataclass(frozen=True, slots=True)
class _Call:
    protocol: _Protocol
    operation: str
    content: Any


class CloudWatchEndpoint:
    """Answers what is in the table, and has the rest answered otherwise. `audit` is told of what has been answered."""

    def __init__(
        self,
        *,
        models: ServiceModels,
        operations: OperationTable,
        callers: CallerDirectory,
        translate_error: Callable[[AlonzoError], ApiError],
        new_request_id: Callable[[], str],
        before_answer: Callable[[], Awaitable[None]] | None,
        audit: Callable[[AuditedCall], None],
    ) -> None:
        self._audit = audit
        self._models = models
        self._operations = operations
        self._callers = callers
        self._translate_error = translate_error
        self._new_request_id = new_request_id
        self._before_answer = before_answer

    async def answer(self, scope: AsgiScope, receive: Receive, send: Send, *, otherwise: Endpoint) -> None:
        """Answer one request of the service."""
        request_id = self._new_request_id()
        model = self._models.get(SERVICE)
        protocol = _protocol_of(scope)
        try:
            body = await read_body(scope, receive, limit_bytes=_BODY_MAX_BYTES)
            call = _read(protocol, scope, _inflated(scope["headers"], body))
            if call.operation not in self._operations:
                await otherwise(scope, _replay(body, receive), send)
                return
            response = await self._perform(model, call, scope, request_id)
            if self._before_answer is not None:
                await self._before_answer()
        except ClientDisconnected:
            return
        except BodyTooLarge:
            response = _error(model, protocol, _too_large(), request_id)
        except Exception as error:  # a request ends here: whatever it was, the client gets an answer
            response = _error(model, protocol, self._as_api_error(error, request_id), request_id)
        await send_response(send, response.status, [*response.headers, (b"x-amzn-requestid", request_id.encode())], response.body)

    async def _perform(self, model: ServiceModel, call: _Call, scope: AsgiScope, request_id: str) -> Response:
        caller = self._callers.caller_of(scope["headers"], scope["query_string"])
        operation = model.operation(call.operation)
        parameters: dict[str, Any] = {}

        def note(result: Mapping[str, Any] | None, error: ApiError | None) -> None:
            self._audit(
                AuditedCall(
                    caller=caller,
                    model=model,
                    operation=operation,
                    request_id=request_id,
                    headers=scope["headers"],
                    client=scope["client"],
                    parameters=parameters,
                    result=result,
                    error=error,
                )
            )

        try:
            if call.protocol is _Protocol.QUERY:
                parameters = parse_form(model, operation, call.content)
            else:
                parameters = parse_content(model, Route(operation=operation, labels={}), call.content)
            validate(model, operation, parameters)
            context = CallContext(caller=caller, request_id=request_id, base_url="", trace_header=None)
            result = await self._operations[call.operation](context, parameters)
        except Exception as error:
            failure = self._as_api_error(error, request_id)
            note(None, failure)
            raise failure from error
        note(result, None)
        match call.protocol:
            case _Protocol.CBOR:
                response: Response = _cbor().serialize_as_cbor(model, operation, result)
            case _Protocol.JSON:
                response = serialize(model, operation, result)
            case _Protocol.QUERY:
                response = serialize_as_xml(model, operation, result, request_id=request_id)
        return response

    def _as_api_error(self, error: Exception, request_id: str) -> ApiError:
        return as_api_error(error, request_id, translate_error=self._translate_error, log=_log, code="InternalServiceFault")


def _cbor() -> Any:
    return importlib.import_module("alonzo.aws.cbor_protocol")


def _protocol_of(scope: AsgiScope) -> _Protocol:
    if scope["path"].startswith(_SMITHY_PREFIX):
        return _Protocol.CBOR
    return _Protocol.JSON if find_header(scope["headers"], b"x-amz-target") else _Protocol.QUERY


def _read(protocol: _Protocol, scope: AsgiScope, body: bytes) -> _Call:
    match protocol:
        case _Protocol.CBOR:
            match = _cbor().CBOR_PATH.fullmatch(scope["path"])
            return _Call(protocol, "" if match is None else match[2], _cbor().decode_cbor_object(body))
        case _Protocol.JSON:
            target = find_header(scope["headers"], b"x-amz-target") or ""
            return _Call(protocol, target.rpartition(".")[2], decode_json_object(body))
        case _Protocol.QUERY:
            fields = form_fields(body or scope["query_string"])
            return _Call(protocol, fields.get("Action", ""), fields)


def _inflated(headers: Headers, body: bytes) -> bytes:
    """SDKs compress what PutMetricData sends from 10 KB on."""
    if (find_header(headers, b"content-encoding") or "").strip().lower() != "gzip":
        return body
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = stream.decompress(body, _BODY_MAX_BYTES)
    except zlib.error as error:
        raise serialization_error("The body is not compressed as its header says") from error
    if not stream.eof:
        raise _too_large()
    return content


def _error(model: ServiceModel, protocol: _Protocol, error: ApiError, request_id: str) -> Response:
    if protocol is _Protocol.CBOR:
        response: Response = _cbor().serialize_error_as_cbor(model, error, namespace=_NAMESPACE)
        return response
    query_code = query_error_code(model, error)
    if protocol is _Protocol.JSON:
        response = serialize_error(model, error)
        fault = "Sender" if error.fault == "User" else "Receiver"
        return Response(
            status=response.status,
            headers=[*response.headers, (b"x-amzn-query-error", f"{query_code};{fault}".encode())],
            body=response.body,
        )
    named = ApiError(code=query_code, message=error.message, http_status=error_status(model, error), fault=error.fault)
    return serialize_error_as_xml(named, request_id=request_id)


def _too_large() -> ApiError:
    message = f"Request must be smaller than {_BODY_MAX_BYTES} bytes"
    return ApiError(code="RequestEntityTooLarge", message=message, http_status=413)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, then what comes after it."""
    parts = [body]

    async def again() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": False}
        return await receive()

    return again
