"""`Invoke`, the hot path: parsed by hand, and nothing between the request and the environment but look-ups.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.
"""

import base64
import binascii
import json
import logging
from collections.abc import Callable
from urllib.parse import parse_qs

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import CallerDirectory
from alonzo.aws.requests import Headers
from alonzo.aws.serialization import header_value, serialize_error
from alonzo.aws.service_model import ServiceModels
from alonzo.aws.validation import validate
from alonzo.edge.asgi import Answer
from alonzo.edge.event_payload import checked_event_payload
from alonzo.edge.failures import as_api_error
from alonzo.edge.json_payload import check_json
from alonzo.edge.trace_headers import TraceHeaders
from alonzo.errors import AlonzoError
from alonzo.functions.resolution import Resolution
from alonzo.ids import IdSource
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.invoke.invoker import VersionInvoker
from alonzo.invoke.recursion import RecursionGuard
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import Invocation, InvocationType, ResponseSink
from alonzo.model.names import FunctionReference, refer_to_function
from alonzo.model.quotas import PAYLOAD_SYNC_MAX_BYTES

_log = logging.getLogger(__name__)

_CLIENT_CONTEXT_MAX_BYTES = 3_583  # botocore, Invoke: "Up to 3,583 bytes of base64-encoded data"


class AskedInvocation(msgspec.Struct, frozen=True, gc=False):
    """A request, understood: what is to be run, and in which way (`X-Amz-Invocation-Type`)."""

    reference: FunctionReference
    version: FunctionVersion
    invocation: Invocation
    kind: bytes


class InvokeEndpoint:
    """An `InvokeEndpoint` of edge/asgi.py."""

    def __init__(
        self,
        *,
        resolution: Resolution,
        invoker: VersionInvoker,
        acceptance: EventAcceptance,
        callers: CallerDirectory,
        models: ServiceModels,
        translate_error: Callable[[AlonzoError], ApiError],
        ids: IdSource,
        trace_headers: TraceHeaders,
        recursion: RecursionGuard,
    ) -> None:
        self._resolution = resolution
        self._invoker = invoker
        self._acceptance = acceptance
        self._callers = callers
        self._models = models
        self._translate_error = translate_error
        self._ids = ids
        self._trace_headers = trace_headers
        self._recursion = recursion

    async def answer(self, function_name: str, headers: Headers, query_string: bytes, body: bytes | None) -> Answer:
        """As the protocol says."""
        request_id = self._ids.new_uuid()
        try:
            asked = self.read(function_name, headers, query_string, body, request_id=request_id)
            return await self._invoke(asked)
        except Exception as error:  # a request ends here: whatever it was, the client gets an answer
            return self.refuse(error, request_id)

    def refuse(self, error: Exception, request_id: str) -> Answer:
        """The answer to a request that went wrong, in whatever way."""
        response = serialize_error(self._models.find("lambda"), self._as_api_error(error, request_id))
        # It holds the frames that it has come through, and one of them may hold it: that would be the garbage collector's to end.
        error.__traceback__ = None
        return Answer(response.status, [*response.headers, (b"x-amzn-requestid", request_id.encode())], response.body)

    def read(
        self,
        function_name: str,
        headers: Headers,
        query_string: bytes,
        body: bytes | None,
        *,
        request_id: str,
        sink: ResponseSink | None = None,
    ) -> "AskedInvocation":
        """What a request asks for; ApiError and the errors of look-ups say what is wrong with it."""
        caller = self._callers.caller_of(headers, query_string)
        options = _read_headers(headers)
        qualifier = _qualifier(query_string) if query_string else None
        kind = options.get(b"x-amz-invocation-type", b"RequestResponse")
        log_type = options.get(b"x-amz-log-type", b"None")
        if kind != b"RequestResponse" or log_type not in {b"None", b"Tail"}:
            self._check_options(function_name, kind.decode("latin-1"), log_type.decode("latin-1"))
        reference = refer_to_function(function_name, qualifier, caller.scope)
        payload = _checked_payload(body, kind)
        version = self._resolution.get_invoked(reference).runnable
        given_trace_header = options.get(b"x-amzn-trace-id")
        trace_header = self._trace_headers.of_invocation(version, given_trace_header)
        if given_trace_header is not None and kind == b"RequestResponse":  # events are stopped when their turn comes
            self._recursion.check(reference, trace_header)
        invocation = Invocation(
            request_id=request_id,
            payload=payload,
            invoked_function_arn=_invoked_arn(version, reference),
            trace_header=trace_header,
            client_context=_client_context(options.get(b"x-amz-client-context")),
            wants_log_tail=log_type == b"Tail",
            sink=sink,
        )
        return AskedInvocation(reference, version, invocation, kind)

    async def _invoke(self, asked: "AskedInvocation") -> Answer:
        version, invocation = asked.version, asked.invocation
        request_id = invocation.request_id.encode()
        if asked.kind == b"DryRun":
            return Answer(204, [(b"x-amzn-requestid", request_id)], b"")
        if asked.kind == b"Event":
            return await self._accept(asked)
        result = await self._invoker.invoke(version, invocation)
        answered = [
            (b"content-type", b"application/json"),
            (b"x-amz-executed-version", version.version.encode()),
            (b"x-amzn-trace-id", invocation.trace_header.encode()),
            (b"x-amzn-requestid", request_id),
        ]
        if result.function_error is not None:
            answered.append((b"x-amz-function-error", header_value(result.function_error)))
        if result.log_tail:
            answered.append((b"x-amz-log-result", base64.b64encode(result.log_tail)))
        return Answer(200, answered, result.payload)

    async def _accept(self, asked: "AskedInvocation") -> Answer:
        """The client context is not kept: functions get it of synchronous invocations only (botocore, Invoke)."""
        invocation = asked.invocation
        await self._acceptance.accept(
            asked.version,
            asked.reference,
            request_id=invocation.request_id,
            payload=invocation.payload,
            trace_header=invocation.trace_header,
        )
        answered = [(b"x-amzn-trace-id", invocation.trace_header.encode()), (b"x-amzn-requestid", invocation.request_id.encode())]
        return Answer(202, answered, b"")

    def _check_options(self, function_name: str, kind: str, log_type: str) -> None:
        """Refuses values that AWS does not know, in its words."""
        model = self._models.get("lambda")
        parameters = {"FunctionName": function_name, "InvocationType": kind, "LogType": log_type}
        if kind not in InvocationType.__members__.values() or log_type not in {"None", "Tail"}:
            validate(model, model.operations["Invoke"], parameters)

    def _as_api_error(self, error: Exception, request_id: str) -> ApiError:
        return as_api_error(error, request_id, translate_error=self._translate_error, log=_log, what="invocation")


def _read_headers(headers: Headers) -> dict[bytes, bytes]:
    return {name: value for name, value in headers if name.startswith(b"x-am")}


def _qualifier(query_string: bytes) -> str | None:
    values = parse_qs(query_string.decode("latin-1"), keep_blank_values=True).get("Qualifier")
    return values[0] if values else None


def _checked_payload(payload: bytes | None, kind: bytes) -> bytes:
    if payload is None:
        raise _too_large(f"Request must be smaller than {PAYLOAD_SYNC_MAX_BYTES} bytes for the InvokeFunction operation")
    if kind == b"Event":
        return checked_event_payload(payload)
    if len(payload) > PAYLOAD_SYNC_MAX_BYTES:
        size = f"{len(payload)} byte payload is too large for the RequestResponse invocation type"
        raise _too_large(f"{size} (limit {PAYLOAD_SYNC_MAX_BYTES} bytes)")
    if not payload:
        return b"{}"  # what a function gets that is invoked without a payload
    check_json(payload)
    return payload


def _too_large(message: str) -> ApiError:
    return ApiError(code="RequestTooLargeException", message=message, http_status=413)


def _invoked_arn(version: FunctionVersion, reference: FunctionReference) -> str:
    return version.function_arn if reference.qualifier is None else f"{version.function_arn}:{reference.qualifier}"


def _client_context(header: bytes | None) -> str | None:
    """The context as one line of JSON: it goes on as a header, where nothing but that may stand."""
    if header is None:
        return None
    if len(header) > _CLIENT_CONTEXT_MAX_BYTES:
        raise _bad_client_context("longer than 3,583 bytes")
    try:
        return json.dumps(json.loads(base64.b64decode(header, validate=True)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _bad_client_context(str(error)) from error


def _bad_client_context(problem: str) -> ApiError:
    message = f"Client context must be a valid Base64-encoded JSON object: {problem}"
    return ApiError(code="InvalidRequestContentException", message=message, http_status=400)
