"""Sends what was observed to an OpenTelemetry collector: OTLP over HTTP, protobuf.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp. Nothing waits for a collector: what it does not take is tried again for a while,
and when too much waits the oldest is dropped, and that is said.

A node that exports nothing does not import this: it takes aiohttp and protobuf's messages.
"""

import asyncio
import contextlib
import io
import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import aiohttp
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

AttributeValue = str | int | float | bool
_WAITING_MAX_BYTES = 16 << 20
_REQUEST_MAX_SECONDS = 10.0
"""Source: the exporter's default, https://opentelemetry.io/docs/specs/otel/protocol/exporter/."""
_PAUSE_SECONDS, _PAUSE_MAX_SECONDS = 1.0, 30.0
_LAST_SECONDS = 3.0
_RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})
"""Source: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes."""
_OK = range(200, 300)

_log = logging.getLogger(__name__)


class Signal(StrEnum):
    """What is exported; the last part of the URL."""

    METRICS = "metrics"
    TRACES = "traces"


@dataclass(frozen=True, slots=True)
class _Export:
    signal: Signal
    body: bytes
    item_count: int


class OtlpSender:
    """One a node. `endpoint`: the collector's base URL, as OTEL_EXPORTER_OTLP_ENDPOINT has it: `http://127.0.0.1:4318`."""

    def __init__(self, *, endpoint: str, user_agent: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._user_agent = user_agent
        self._waiting: deque[_Export] = deque()
        self._waiting_bytes = 0
        self._dropped_count = 0
        self._has_work = asyncio.Event()
        self._is_failing = False

    def send(self, signal: Signal, body: bytes, *, item_count: int) -> None:
        """Have an export request (`Export…ServiceRequest`, serialized) sent when its turn comes. Never waits.

        `item_count`: how many points or spans are in it, for those who read that they were dropped.
        """
        self._waiting.append(_Export(signal, body, item_count))
        self._waiting_bytes += len(body)
        while self._waiting_bytes > _WAITING_MAX_BYTES:
            self._drop(self._waiting.popleft(), "too much waits to be sent")
        self._has_work.set()

    async def run(self) -> None:
        """Component: send what waits, one request after the other; cancelled, what can be sent in three seconds."""
        timeout = aiohttp.ClientTimeout(total=_REQUEST_MAX_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            try:
                while True:
                    await self._has_work.wait()
                    await self._send_waiting(session)
            finally:
                await self._send_last(session)

    async def _send_waiting(self, session: aiohttp.ClientSession) -> None:
        pause_seconds = _PAUSE_SECONDS
        while self._waiting:
            wait_seconds = await self._send_first(session)
            if wait_seconds is None:
                pause_seconds = _PAUSE_SECONDS
            else:
                await asyncio.sleep(max(wait_seconds, pause_seconds))
                pause_seconds = min(2 * pause_seconds, _PAUSE_MAX_SECONDS)
        self._has_work.clear()

    async def _send_last(self, session: aiohttp.ClientSession) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                while self._waiting and await self._send_first(session) is None:
                    continue
        if self._waiting:
            _log.warning("%d exports to %s were not sent before the end", len(self._waiting), self._endpoint)

    async def _send_first(self, session: aiohttp.ClientSession) -> float | None:
        export = self._waiting[0]
        wait_seconds = await self._try(session, export)
        if wait_seconds is None and self._waiting and self._waiting[0] is export:  # else it was dropped meanwhile, as the oldest
            self._waiting.popleft()
            self._waiting_bytes -= len(export.body)
        return wait_seconds

    async def _try(self, session: aiohttp.ClientSession, export: _Export) -> float | None:
        """None once it need not be tried again; else how long the collector wants to be left alone."""
        headers = {"content-type": "application/x-protobuf", "user-agent": self._user_agent}
        try:
            async with session.post(f"{self._endpoint}/v1/{export.signal}", data=io.BytesIO(export.body), headers=headers) as response:
                status, retry_after = response.status, response.headers.get("retry-after", "")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._note_failure(str(error) or type(error).__name__)
            return 0.0
        if status in _RETRYABLE_STATUSES:
            self._note_failure(f"status {status}")
            return min(float(retry_after), _PAUSE_MAX_SECONDS) if retry_after.isascii() and retry_after.isdigit() else 0.0
        if status in _OK:
            self._is_failing = False
        else:
            self._count_dropped(export, f"{self._endpoint} refused them with status {status}")
        return None

    def _drop(self, export: _Export, reason: str) -> None:
        self._waiting_bytes -= len(export.body)
        self._count_dropped(export, reason)

    def _count_dropped(self, export: _Export, reason: str) -> None:
        self._dropped_count += export.item_count
        _log.warning("%d %s not exported: %s; %d since the start", export.item_count, export.signal, reason, self._dropped_count)

    def _note_failure(self, reason: str) -> None:
        if not self._is_failing:
            _log.warning("%s does not take what is exported, and is tried again: %s", self._endpoint, reason)
        self._is_failing = True


class Attributes(Protocol):
    """Those of a message: a repeated `KeyValue`."""

    def add(self) -> KeyValue: ...


def add_attributes(to: Attributes, values: Mapping[str, AttributeValue | None]) -> None:
    """Attributes as OTLP has them; those of None are left out."""
    for key, value in values.items():
        if value is None:
            continue
        attribute = to.add()
        attribute.key = key
        match value:
            case str():
                attribute.value.string_value = value
            case bool():
                attribute.value.bool_value = value
            case int():
                attribute.value.int_value = value
            case float():
                attribute.value.double_value = value
