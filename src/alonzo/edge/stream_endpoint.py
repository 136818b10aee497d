"""`InvokeWithResponseStream`: the function's response as it comes, in the messages of an event stream.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html. The answer begins with the first byte of the
response, or with the end of the invocation if there is none before: until then an error has a status of its own.
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import unquote_to_bytes

from alonzo.aws.api_error import ApiError
from alonzo.aws.event_stream import encode_event
from alonzo.edge.asgi import AsgiScope, Endpoint, Receive, Send, send_response
from alonzo.edge.invoke_endpoint import AskedInvocation, InvokeEndpoint
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, read_body
from alonzo.edge.response_stream import ResponseStream
from alonzo.ids import new_uuid
from alonzo.invoke.invoker import VersionInvoker
from alonzo.model.invocation import InvocationResult
from alonzo.model.quotas import PAYLOAD_SYNC_MAX_BYTES

STREAM_PATH_PREFIX = b"/2021-11-15/functions/"
_PATH = re.compile(re.escape(STREAM_PATH_PREFIX) + rb"([^/]+)/response-streaming-invocations")
_BODY_MAX_BYTES = 4 * PAYLOAD_SYNC_MAX_BYTES
_EVENT_STREAM = b"application/vnd.amazon.eventstream"
_CHUNK_MAX_BYTES = 1_048_576


class StreamEndpoint:
    """An `Endpoint`; requests for other paths below its prefix go on to `otherwise`."""

    def __init__(self, *, invoke: InvokeEndpoint, invoker: VersionInvoker, otherwise: Endpoint) -> None:
        self._invoke = invoke
        self._invoker = invoker
        self._otherwise = otherwise

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        match = _PATH.fullmatch(scope["raw_path"])
        if match is None or scope["method"] != "POST":
            await self._otherwise(scope, receive, send)
            return
        body: bytes | None
        try:
            body = await read_body(scope, receive, limit_bytes=_BODY_MAX_BYTES)
        except ClientDisconnected:
            return
        except BodyTooLarge:
            body = None
        name, request_id, stream = unquote_to_bytes(match[1]).decode("utf-8", "replace"), new_uuid(), ResponseStream()
        try:
            asked = self._invoke.read(name, scope["headers"], scope["query_string"], body, request_id=request_id, sink=stream)
            _check_kind(asked.kind)
            if asked.kind == b"DryRun":
                await send_response(send, 204, [(b"x-amzn-requestid", request_id.encode())], b"")
                return
            await self._stream(asked, stream, send)
        except Exception as error:  # a request ends here: whatever it was, the client gets an answer
            answer = self._invoke.refuse(error, request_id)
            await send_response(send, answer.status, answer.headers, answer.body)

    async def _stream(self, asked: AskedInvocation, stream: ResponseStream, send: Send) -> None:
        has_begun = False
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self._run(asked, stream))
            async for event in _events(stream, running):
                if not has_begun:
                    await send({"type": "http.response.start", "status": 200, "headers": _headers(asked)})
                    has_begun = True
                await send({"type": "http.response.body", "body": event, "more_body": True})
        outcome = running.result()
        if isinstance(outcome, Exception):
            if not has_begun:
                raise outcome
            self._invoke.refuse(outcome, asked.invocation.request_id)  # nobody gets it any more, but the log has it
        await send({"type": "http.response.body", "body": b""})

    async def _run(self, asked: AskedInvocation, stream: ResponseStream) -> InvocationResult | Exception:
        """What came of the invocation; its errors are for whoever waits for the stream."""
        try:
            return await self._invoker.invoke(asked.version, asked.invocation)
        except Exception as error:
            return error
        finally:
            stream.finish()


async def _events(stream: ResponseStream, running: "asyncio.Task[InvocationResult | Exception]") -> AsyncIterator[bytes]:
    """The messages of the answer; without the last one if the invocation was lost on the way, which clients take for an error."""
    async for part in stream.parts():
        for chunk in _chunks(part):
            yield chunk
    result = await running
    if isinstance(result, Exception):
        return
    if result.function_error is None:
        for chunk in _chunks(result.payload):
            yield chunk
    yield encode_event("InvokeComplete", json.dumps(_completion(result)).encode(), content_type="application/json")


def _chunks(content: bytes) -> list[bytes]:
    starts = range(0, len(content), _CHUNK_MAX_BYTES)
    return [
        encode_event("PayloadChunk", content[start : start + _CHUNK_MAX_BYTES], content_type="application/octet-stream") for start in starts
    ]


def _completion(result: InvocationResult) -> dict[str, str]:
    completion: dict[str, str] = {}
    if result.function_error is not None:
        completion |= {"ErrorCode": result.function_error, "ErrorDetails": result.payload.decode("utf-8", "replace")}
    if result.log_tail:
        completion["LogResult"] = base64.b64encode(result.log_tail).decode()
    return completion


def _headers(asked: AskedInvocation) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", _EVENT_STREAM),
        (b"x-amz-executed-version", asked.version.version.encode()),
        (b"x-amzn-trace-id", asked.invocation.trace_header.encode()),
        (b"x-amzn-requestid", asked.invocation.request_id.encode()),
    ]


def _check_kind(kind: bytes) -> None:
    if kind != b"Event":
        return
    constraint = "Member must satisfy enum value set: [RequestResponse, DryRun]"
    message = f"1 validation error detected: Value 'Event' at 'invocationType' failed to satisfy constraint: {constraint}"
    raise ApiError(code="ValidationException", message=message, http_status=400)
