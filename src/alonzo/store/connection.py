"""The one connection of a node to its NATS server: requests with answers, stream set-up, news of interruptions.

nats-py keeps the socket, reconnects and restores subscriptions. On top of it stands a request multiplexer of our own, because
nats-py leaves requests that were in flight when the connection broke to their time-out: here they are repeated at once on the new
connection. That is safe, because every request of the store may be repeated: reads are reads, and writes carry a message id by
which JetStream drops the second copy (`Nats-Msg-Id`, kept by the server for the stream's `duplicate_window`). Only a write with an
expected sequence needs more care: JetStream checks that first (nats-server 2.15), and so refuses the second copy; see `records.py`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError

from alonzo.ids import new_hex_id
from alonzo.store.errors import MessageTooLarge, StoreError, StoreFull, StoreRefused, StoreUnavailable

CONNECT_TIMEOUT_SECONDS = 10.0
REQUEST_TIMEOUT_SECONDS = 10.0
ATTEMPT_TIMEOUT_SECONDS = 4.0
DUPLICATE_WINDOW_SECONDS = 30  # longer than a request is repeated
EXPECTED_SEQUENCE_HEADER = "Nats-Expected-Last-Subject-Sequence"
NO_MESSAGE_FOUND_CODE = 10037
MESSAGE_ID_HEADER = "Nats-Msg-Id"
_RECONNECT_WAIT_SECONDS = 0.05
_NOT_READY_WAIT_SECONDS = 0.05

# nats-server's errors.json: insufficient resources, memory, storage; stream store failed (no space, or a limit of the stream)
_FULL_ERROR_CODES = frozenset({10023, 10028, 10047, 10077})
_STREAM_EXISTS_OTHERWISE = 10058
_TEMPORARY_STATUS = 503

_log = logging.getLogger(__name__)


async def connect(
    url: str,
    *,
    replica_count: int = 1,
    has_room: Callable[[], bool] = lambda: True,
    timeout_seconds: float = CONNECT_TIMEOUT_SECONDS,
) -> "Connection":
    """Connect to a NATS server with JetStream. Streams are made with that many replicas (1; 3 on a cluster).

    `has_room` is asked before each write (`EmbeddedServer.has_room`, for the embedded one).
    `StoreUnavailable` when no server lets us in within the time; the caller closes the connection.
    """
    connection = Connection(replica_count=replica_count, has_room=has_room)
    await connection._open(url, timeout_seconds)
    return connection


class Connection:
    """Requests to NATS and JetStream. Made by `connect`; closed by `aclose`, or by leaving `async with`."""

    def __init__(self, *, replica_count: int, has_room: Callable[[], bool]) -> None:
        self.replica_count = replica_count
        self._has_room = has_room
        self._client = Client()
        self._inbox = f"_INBOX.{new_hex_id(12)}"
        self._request_count = 0
        self._answers: dict[str, _Answer | _Acknowledgements] = {}
        self._connected = asyncio.Event()
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._interruption_listeners: dict[object, Callable[[], None]] = {}
        self._last_error: Exception | None = None
        self._closing = False

    async def _open(self, url: str, timeout_seconds: float) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._client.connect(
                    url,
                    name="alonzo",
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                    closed_cb=self._on_closed,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RECONNECT_WAIT_SECONDS,  # type: ignore[arg-type]  # annotated int, used as float
                )
        except TimeoutError as timeout:
            await self._client.close()
            raise StoreUnavailable(f"no NATS server answers: {self._last_error or timeout}") from self._last_error
        self._last_error = None
        await self._client.subscribe(f"{self._inbox}.*", cb=self._receive_answer, pending_msgs_limit=0, pending_bytes_limit=0)
        self._connected.set()

    @property
    def message_max_bytes(self) -> int:
        """The server's limit for one message."""
        return self._client.max_payload

    async def run(self) -> None:
        """Component: waits, and raises `StoreUnavailable` when the server closed the connection for good (credentials revoked, …)."""
        await asyncio.shield(self._closed)
        raise StoreUnavailable(f"the NATS server closed the connection: {self._last_error}")

    async def aclose(self) -> None:
        """Close now; requests in flight end with `StoreUnavailable`."""
        self._closing = True
        await self._client.close()
        await self._end_reconnecting()
        self._fail_answers(StoreUnavailable("the connection was closed"))

    async def _end_reconnecting(self) -> None:
        """Until Python 3.12 `asyncio.wait_for` forgets a cancellation that comes just when an attempt has failed: the client goes on."""
        task = self._client._reconnection_task
        while task is not None and not task.done():
            task.cancel()
            await asyncio.wait((task,), timeout=_RECONNECT_WAIT_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def request(self, subject: str, payload: bytes = b"", *, headers: dict[str, str] | None = None) -> Msg:
        """One message out, one answer back. `StoreUnavailable` when there is none within 10 s, whatever was tried."""
        return (await self._request(subject, payload, headers, many=False))[0]

    async def request_many(self, subject: str, payload: bytes) -> list[Msg]:
        """One message out, many answers back, up to and with the first one that carries a status header (the end mark)."""
        return await self._request(subject, payload, None, many=True)

    async def publish(self, subject: str, payload: bytes, *, headers: dict[str, str] | None = None) -> int:
        """Store a message in the stream of its subject, once, and return its sequence.

        `StoreFull`, `MessageTooLarge`; `StoreRefused` when an expectation in the headers is not met; `StoreUnavailable`.
        Cancelled, the message may be stored.
        """
        self.check_room()
        headers = {MESSAGE_ID_HEADER: new_hex_id(12), **(headers or {})}
        answer = await self._request_until_ready(subject, payload, headers)
        sequence = answer["seq"]
        assert isinstance(sequence, int)
        return sequence

    async def publish_all(self, messages: Sequence[tuple[str, bytes]]) -> list[StoreError | None]:
        """Store messages (subject, payload) in their order; what `publish` would have raised for each, None if it is stored.

        They go out together, and all answers are waited for together: that takes a third of the time of the processor here, and half of
        the server's. What is not stored at once is published again by itself. `StoreFull` when there is no room for any.
        """
        self.check_room()
        prefix = new_hex_id(12)
        identified = [(f"{prefix}-{number}", subject, payload) for number, (subject, payload) in enumerate(messages)]
        stored = await self._attempt_all(identified)
        if all(stored):
            return [None] * len(identified)
        return await self._publish_again(identified, stored)

    async def _publish_again(self, messages: list[tuple[str, str, bytes]], stored: list[bool]) -> list[StoreError | None]:
        """One after the other; when one gets no answer, none of those behind it will."""
        errors: list[StoreError | None] = []
        silence: StoreUnavailable | None = None
        for (message_id, subject, payload), is_stored in zip(messages, stored, strict=True):
            error: StoreError | None = None
            if not is_stored and silence is not None:
                error = silence
            elif not is_stored:
                try:
                    await self.publish(subject, payload, headers={MESSAGE_ID_HEADER: message_id})
                except StoreUnavailable as unavailable:
                    error = silence = unavailable
                except StoreError as other:
                    error = other
            errors.append(error)
        return errors

    def check_room(self) -> None:
        """`StoreFull` while the disk has no room for another write; `publish` asks by itself."""
        if not self._has_room():
            raise StoreFull("the disk of the data directory is full")

    async def call(self, operation: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One operation of JetStream's API, such as `STREAM.INFO.name`. Errors as `publish`."""
        return await self._request_until_ready(f"$JS.API.{operation}", msgspec.json.encode(body) if body is not None else b"", None)

    async def list_subjects(self, stream: str, subject_filter: str) -> dict[str, int]:
        """The subjects of a stream that hold messages, and how many each."""
        subjects: dict[str, int] = {}
        while True:
            answer = await self.call(f"STREAM.INFO.{stream}", {"subjects_filter": subject_filter, "offset": len(subjects)})
            page = answer["state"].get("subjects") or {}
            subjects |= page
            if not page or len(subjects) >= answer.get("total", 0):
                return subjects

    async def ensure_stream(self, configuration: dict[str, Any]) -> None:
        """Make the stream, or bring its limits up to date when it exists."""
        name = configuration["name"]
        configuration = {"num_replicas": self.replica_count, "storage": "file", "retention": "limits", **configuration}
        try:
            await self.call(f"STREAM.CREATE.{name}", configuration)
        except StoreRefused as refused:
            if refused.error_code != _STREAM_EXISTS_OTHERWISE:
                raise
            await self.call(f"STREAM.UPDATE.{name}", configuration)

    async def subscribe(self, subject: str, listener: Callable[[Msg], None]) -> Subscription:
        """Plain NATS subscription; the listener is called in the order of arrival and must not block."""

        async def receive(message: Msg) -> None:
            listener(message)

        try:
            return await self._client.subscribe(subject, cb=receive, pending_msgs_limit=0, pending_bytes_limit=0)
        except NatsError as error:
            raise StoreUnavailable(f"cannot subscribe: {error}") from error

    async def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; nothing to do when the connection is closed already."""
        if not self._client.is_closed:
            await subscription.unsubscribe()

    async def send(self, subject: str, payload: bytes = b"", *, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """A message that is not waited for; `reply`: where answers go, if there are any."""
        try:
            await self._client.publish(subject, payload, reply=reply, headers=headers)
        except NatsError as error:
            raise StoreUnavailable(f"cannot send: {error}") from error

    def on_interruption(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener each time the connection broke (subscriptions may have missed messages); returns how to stop that."""
        mark = object()
        self._interruption_listeners[mark] = listener

        def forget() -> None:
            self._interruption_listeners.pop(mark, None)

        return forget

    async def _request_until_ready(self, subject: str, payload: bytes, headers: dict[str, str] | None) -> dict[str, Any]:
        """Repeat while JetStream says that it is not ready (starting, electing a leader), within the time of one request."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                while True:
                    answer: dict[str, Any] = msgspec.json.decode((await self._request(subject, payload, headers, many=False))[0].data)
                    error = answer.get("error")
                    if error is None:
                        return answer
                    code, description = int(error.get("err_code", 0)), str(error.get("description", ""))
                    if code in _FULL_ERROR_CODES:
                        raise StoreFull(f"{description} (JetStream error {code})")
                    if error.get("code") != _TEMPORARY_STATUS:
                        raise StoreRefused(error_code=code, description=description)
                    await asyncio.sleep(_NOT_READY_WAIT_SECONDS)
        except TimeoutError as timeout:
            raise StoreUnavailable(f"JetStream did not become ready for {subject}") from timeout

    async def _request(self, subject: str, payload: bytes, headers: dict[str, str] | None, *, many: bool) -> list[Msg]:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                while True:
                    messages = await self._attempt(subject, payload, headers, many=many)
                    if messages is not None:
                        return messages
        except MaxPayloadError as error:
            raise MessageTooLarge(f"{len(payload)} bytes for {subject}") from error
        except (TimeoutError, NatsError) as error:
            raise StoreUnavailable(f"no answer to {subject}: {error or 'time-out'}") from error

    async def _attempt(self, subject: str, payload: bytes, headers: dict[str, str] | None, *, many: bool) -> list[Msg] | None:
        """None when another attempt may succeed: the connection broke, nobody listens yet, no answer came."""
        await self._connected.wait()
        if self._client.is_closed:
            raise StoreUnavailable("the connection is closed")
        self._request_count += 1
        token = str(self._request_count)
        answer = self._answers[token] = _Answer(asyncio.get_running_loop().create_future(), [], many)
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT_SECONDS):
                await self._client.publish(subject, payload, reply=f"{self._inbox}.{token}", headers=headers)
                await answer.complete
        except (TimeoutError, _Interrupted):
            return None
        finally:
            del self._answers[token]
        if _status_of(answer.messages[0]) == _TEMPORARY_STATUS:  # no responders
            await asyncio.sleep(_NOT_READY_WAIT_SECONDS)
            return None
        return answer.messages

    async def _attempt_all(self, messages: list[tuple[str, str, bytes]]) -> list[bool]:
        """Which of them (id, subject, payload) JetStream has said to be stored."""
        await self._connected.wait()
        answer = _Acknowledgements(complete=asyncio.get_running_loop().create_future(), waiting={}, stored=[False] * len(messages))
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT_SECONDS):
                for number, (message_id, subject, payload) in enumerate(messages):
                    self._request_count += 1
                    token = str(self._request_count)
                    self._answers[token] = answer
                    answer.waiting[token] = number
                    await self._client.publish(subject, payload, reply=f"{self._inbox}.{token}", headers={MESSAGE_ID_HEADER: message_id})
                if messages:
                    await answer.complete
        except (TimeoutError, NatsError, _Interrupted) as error:
            _log.debug("not all of %d messages were stored at once: %s", len(messages), error)
        finally:
            for token in answer.waiting:
                del self._answers[token]
        return answer.stored

    async def _receive_answer(self, message: Msg) -> None:
        token = message.subject[len(self._inbox) + 1 :]
        answer = self._answers.get(token)
        if answer is not None and not answer.complete.done():
            answer.take(token, message)

    def _fail_answers(self, error: Exception) -> None:
        for answer in self._answers.values():
            if not answer.complete.done():
                answer.complete.set_exception(error)

    async def _on_disconnected(self) -> None:
        if self._connected.is_set() and not self._closing:
            _log.warning("the connection to the NATS server broke")
        self._connected.clear()
        self._fail_answers(_Interrupted())
        for listener in list(self._interruption_listeners.values()):
            listener()

    async def _on_reconnected(self) -> None:
        _log.info("the connection to the NATS server is back")
        self._last_error = None
        self._connected.set()

    async def _on_closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)
        self._connected.set()  # who waits shall see that it never will be

    async def _on_error(self, error: Exception) -> None:
        """What a server has said is kept: it closes the connection at once then, which may be all that is seen of the next attempt."""
        if not isinstance(error, OSError) or self._last_error is None:
            self._last_error = error
        _log.debug("NATS client: %s", error)


class _Interrupted(Exception):
    """The connection broke while a request was in flight."""


class _Answer(msgspec.Struct):
    complete: asyncio.Future[None]
    messages: list[Msg]
    many: bool

    def take(self, token: str, message: Msg) -> None:
        del token
        self.messages.append(message)
        if not self.many or _status_of(message):
            self.complete.set_result(None)


class _Acknowledgement(msgspec.Struct):
    """JetStream's answer to a message; `seq` 0: it is not stored."""

    seq: int = 0


_ACKNOWLEDGEMENTS = msgspec.json.Decoder(_Acknowledgement)


class _Acknowledgements(msgspec.Struct):
    """Of several messages. `waiting`: which answer belongs to which of them; `count`: how many have come."""

    complete: asyncio.Future[None]
    waiting: dict[str, int]
    stored: list[bool]
    count: int = 0

    def take(self, token: str, message: Msg) -> None:
        # Anything but an acknowledgement (an error, nobody who listens) is looked at when the message is published again.
        with contextlib.suppress(msgspec.DecodeError):
            self.stored[self.waiting[token]] = _ACKNOWLEDGEMENTS.decode(message.data).seq > 0
        self.count += 1
        if self.count == len(self.stored):
            self.complete.set_result(None)


def _status_of(message: Msg) -> int:
    """The status of a NATS control message; 0 of any other message."""
    return int((message.headers or {}).get("Status", 0))
