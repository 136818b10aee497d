"""Answers that go out while the function writes them (invoke mode RESPONSE_STREAM).

The answer begins with the first byte after the metadata, or with the end of the invocation if there is none before. A stream that ends
in an error is cut off: the client sees that it is not whole. Whether the client is there or not, the function runs to its end.
"""

import asyncio
from collections.abc import Callable

from alonzo.aws.serialization import header_value
from alonzo.edge.asgi import Send, send_response
from alonzo.edge.function_urls.refusals import function_failed, refusal
from alonzo.edge.http_events.answers import MalformedAnswer
from alonzo.edge.http_events.function_calls import FunctionCall, FunctionCalls
from alonzo.edge.http_events.stream_prelude import INTEGRATION_TYPE, Prelude, PreludeReader
from alonzo.edge.response_stream import ResponseStream
from alonzo.model.invocation import InvocationResult

ResponseHeaders = list[tuple[bytes, bytes]]


class StreamedAnswer:
    """One answer; `send` is all there is to do with it."""

    def __init__(
        self,
        *,
        calls: FunctionCalls,
        call: FunctionCall,
        stream: ResponseStream,
        added_headers: ResponseHeaders,
        remapped: frozenset[bytes],
        cut_off: Callable[[], None],
    ) -> None:
        self._calls = calls
        self._call = call
        self._stream = stream
        self._added_headers = added_headers
        self._prelude = PreludeReader(remapped=remapped)
        self._cut_off = cut_off
        self._has_begun = False
        self._is_broken = False

    async def send(self, send: Send) -> None:
        """Run the function and pass on what it writes."""
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self._run())
            async for part in self._stream.parts():
                await self._pass_on(send, part)
        outcome = running.result()
        request_id = self._call.invocation.request_id
        if isinstance(outcome, Exception) and not self._has_begun:
            refused = refusal(outcome, request_id)
            await send_response(send, refused.status, [*refused.headers, *self._added_headers], refused.body)
        elif isinstance(outcome, Exception) or self._is_broken or outcome.function_error is not None:
            if isinstance(outcome, Exception):
                refusal(outcome, request_id)  # nobody gets it any more, but the log has it
            if self._has_begun:
                self._cut_off()
                return
            failed = function_failed(request_id)
            await send_response(send, failed.status, [*failed.headers[:1], *self._added_headers], failed.body)
        else:
            await self._end(send, outcome)

    async def _run(self) -> InvocationResult | Exception:
        """What came of it; errors are for whoever waits for the stream."""
        try:
            return await self._calls.run(self._call)
        except Exception as error:
            return error
        finally:
            self._stream.finish()

    async def _pass_on(self, send: Send, part: bytes) -> None:
        if self._is_broken:
            return
        if not self._has_begun:
            if self._stream.content_type == INTEGRATION_TYPE:
                try:
                    read = self._prelude.feed(part)
                except MalformedAnswer:
                    self._is_broken = True
                    return
                if read is None:
                    return
                prelude, part = read
                await self._begin(send, prelude)
            else:
                await self._begin(send, self._without_metadata(self._stream.content_type))
        if part:
            await send({"type": "http.response.body", "body": part, "more_body": True})

    async def _end(self, send: Send, result: InvocationResult) -> None:
        if not self._has_begun and not result.payload and self._stream.content_type == INTEGRATION_TYPE:
            failed = function_failed(self._call.invocation.request_id)  # the metadata did not end
            await send_response(send, failed.status, [*failed.headers[:1], *self._added_headers], failed.body)
            return
        if not self._has_begun:
            # What a function answers at once is not understood in this mode (recorded): it is the body.
            await self._begin(send, self._without_metadata("application/json" if result.payload else self._stream.content_type))
        await send({"type": "http.response.body", "body": result.payload})

    def _without_metadata(self, content_type: str) -> Prelude:
        return Prelude(200, [(b"content-type", header_value(content_type or "application/octet-stream"))])

    async def _begin(self, send: Send, prelude: Prelude) -> None:
        headers = prelude.headers
        if not any(name == b"content-type" for name, _ in headers):
            headers.append((b"content-type", b"application/octet-stream"))
        await send({"type": "http.response.start", "status": prelude.status, "headers": [*headers, *self._added_headers]})
        self._has_begun = True
