"""Function URLs: found by the id in the host name, or in the path where such names cannot be resolved.

ID.lambda-url.REGION.localhost:4566/path
localhost:4566/_url/ID/path
"""

from collections.abc import Callable
from functools import partial

from alonzo.clock import Clock
from alonzo.edge.asgi import CUT_OFF, Answer, AsgiScope, Receive, Send, send_response
from alonzo.edge.front_doors import QuickWay, host_of
from alonzo.edge.function_urls.access import UrlAccess
from alonzo.edge.function_urls.cors import answer_headers, is_preflight, preflight_headers
from alonzo.edge.function_urls.events import url_event
from alonzo.edge.function_urls.refusals import function_failed, no_such_url, refusal, too_large
from alonzo.edge.function_urls.streaming import StreamedAnswer
from alonzo.edge.http_events.answers import MalformedAnswer, read_answer_v2
from alonzo.edge.http_events.function_calls import FunctionCall, FunctionCalls
from alonzo.edge.http_events.request import HttpRequest, request_of
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, read_body
from alonzo.edge.response_stream import ResponseStream
from alonzo.functions.settings.urls import FunctionUrls
from alonzo.model.function_url import FunctionUrl, InvokeMode
from alonzo.model.names import FunctionReference
from alonzo.model.quotas import PAYLOAD_SYNC_MAX_BYTES

HOST_LABEL = b"lambda-url"
PATH_PREFIX = b"/_url/"

REMAPPED = frozenset({b"date", b"www-authenticate"})
"""Headers that functions cannot set: they go out under another name, as on AWS."""


class FunctionUrlDoor:
    """A `FrontDoor`."""

    takes_web_sockets = False

    def __init__(self, *, urls: FunctionUrls, access: UrlAccess, calls: FunctionCalls, clock: Clock) -> None:
        self._urls = urls
        self._access = access
        self._calls = calls
        self._clock = clock

    def find_quick_way(self, host: bytes, path: bytes) -> QuickWay | None:
        """All but streams."""
        url = self._find(host, path)
        if url is not None and url.invoke_mode is InvokeMode.RESPONSE_STREAM:
            return None
        return partial(self._answer, url)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        url = self._find(host_of(scope["headers"]), scope["raw_path"])
        try:
            request = request_of(scope, await read_body(scope, receive, limit_bytes=PAYLOAD_SYNC_MAX_BYTES))
        except ClientDisconnected:
            return
        except BodyTooLarge:
            refused = refusal(too_large(), self._calls.new_request_id())
            await send_response(send, refused.status, refused.headers, refused.body)
            return
        if url is None or url.invoke_mode is InvokeMode.BUFFERED:
            answer = await self._answer(url, request)
            await send_response(send, answer.status, answer.headers, answer.body)
        else:
            await self._stream(url, request, send, cut_off=scope[CUT_OFF])

    def _find(self, host: bytes, path: bytes) -> FunctionUrl | None:
        by_host = host.lower().partition(b".lambda-url.")
        url_id = by_host[0] if by_host[1] else path[len(PATH_PREFIX) :].partition(b"/")[0]
        return self._urls.find_by_id(url_id.decode("latin-1"))

    async def _answer(self, url: FunctionUrl | None, request: HttpRequest) -> Answer:
        request_id = self._calls.new_request_id()
        try:
            prepared = self._prepare(url, request, request_id)
            if isinstance(prepared, Answer):
                return prepared
            result = await self._calls.run(prepared)
            if result.function_error is not None:
                answer = function_failed(request_id)
            else:
                answer = read_answer_v2(result.payload, remapped=REMAPPED)
                answer.headers.append((b"x-amzn-requestid", request_id.encode()))
            answer.headers.append((b"x-amzn-trace-id", prepared.invocation.trace_header.encode()))
        except MalformedAnswer:
            answer = function_failed(request_id)
        except Exception as error:  # a request ends here: whatever it was, the client gets an answer
            answer = refusal(error, request_id)
        if url is not None and url.cors is not None:
            answer.headers.extend(answer_headers(url.cors, request))
        return answer

    async def _stream(self, url: FunctionUrl, request: HttpRequest, send: Send, *, cut_off: Callable[[], None]) -> None:
        request_id, stream = self._calls.new_request_id(), ResponseStream()
        added = answer_headers(url.cors, request) if url.cors is not None else []
        try:
            prepared = self._prepare(url, request, request_id, stream)
        except Exception as error:  # as above
            prepared = refusal(error, request_id)
            prepared.headers.extend(added)
        if isinstance(prepared, Answer):
            await send_response(send, prepared.status, prepared.headers, prepared.body)
            return
        added += [(b"x-amzn-requestid", request_id.encode()), (b"x-amzn-trace-id", prepared.invocation.trace_header.encode())]
        answer = StreamedAnswer(calls=self._calls, call=prepared, stream=stream, added_headers=added, remapped=REMAPPED, cut_off=cut_off)
        await answer.send(send)

    def _prepare(
        self, url: FunctionUrl | None, request: HttpRequest, request_id: str, stream: ResponseStream | None = None
    ) -> FunctionCall | Answer:
        """What to invoke, or what the URL answers itself."""
        if url is None:
            raise no_such_url()
        if url.cors is not None and is_preflight(request):
            return Answer(200, [*preflight_headers(url.cors, request), (b"x-amzn-requestid", request_id.encode())], b"")
        reference = FunctionReference(url.scope, url.function_name, url.alias)
        signer = self._access.check(url, reference, request)
        version = self._calls.resolve(reference)
        given = request.find_header(b"x-amzn-trace-id")
        trace_header = self._calls.trace_header(reference, version, None if given is None else given.encode("latin-1"))
        path, domain_name = _place(url, request)
        event = url_event(
            url,
            request,
            path=path,
            domain_name=domain_name,
            signer=signer,
            request_id=request_id,
            trace_header=trace_header,
            unix_ms=self._clock.unix_ms(),
        )
        return self._calls.call_of(reference, version, event, request_id=request_id, trace_header=trace_header, sink=stream)


def _place(url: FunctionUrl, request: HttpRequest) -> tuple[str, str]:
    """The path within the URL, and the URL's domain."""
    host = request.host_name.lower()
    if ".lambda-url." in host:
        return request.path.decode("latin-1") or "/", host
    _, _, rest = request.path[len(PATH_PREFIX) :].partition(b"/")
    return "/" + rest.decode("latin-1"), f"{url.url_id}.lambda-url.{url.scope.region}.localhost"
