"""Work that one worker has another do: at most once, for as long as it takes, and refused at once if the other cannot.

Not a request of `Connection`, which is repeated when no answer comes: whoever asks is told first whether the work was taken, then what came
of it. Both are lost with the other worker, and with the connection to the NATS server: then nobody knows what came of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg

from alonzo.store.connection import Connection
from alonzo.store.errors import StoreError
from alonzo.store.keys import to_token
from alonzo.store.members import Members

_SUBJECTS = "alonzo.delegation"
_TAKEN, _REFUSED, _DONE, _FAILED = b"+", b"-", b"=", b"!"
_PATIENCE_SECONDS = 5.0
"""With a worker that says neither that it takes the work nor that it does not."""

_log = logging.getLogger(__name__)

Work = Callable[[bytes], Awaitable[bytes] | None]
"""What is done with a request; None, at once, if it is refused."""


class DelegateLost(StoreError):
    """The worker that had the work is gone, or the way to it: the work may have been done, and nobody knows what came of it."""


class Delegation:
    """One a worker. Made by `open`; `run` does what others delegate, `drain` takes nothing more."""

    def __init__(self, *, connection: Connection, cluster: str, members: Members) -> None:
        self._connection = connection
        self._members = members
        self._prefix = f"{_SUBJECTS}.{to_token(cluster)}"
        self._replies: dict[str, asyncio.Queue[bytes | None]] = {}
        self._request_count = 0
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue()
        self._work: Work = lambda _: None
        self._doing: set[asyncio.Task[None]] = set()
        connection.on_interruption(self._on_interruption)

    @classmethod
    async def open(cls, connection: Connection, *, cluster: str, members: Members) -> "Delegation":
        """From here on requests and replies are heard. Errors: the store's."""
        delegation = cls(connection=connection, cluster=cluster, members=members)
        own_name = to_token(members.own_name)
        await connection.subscribe(f"{delegation._prefix}.{own_name}", delegation._arrived.put_nowait)
        await connection.subscribe(f"{delegation._prefix}.{own_name}.*", delegation._on_reply)
        return delegation

    def take(self, work: Work) -> None:
        """Do what others delegate like this."""
        self._work = work

    async def run(self) -> None:
        """Component: until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                message = await self._arrived.get()
                work = self._work(message.data)
                if work is None:
                    await self._reply(message, _REFUSED)
                    continue
                task = group.create_task(self._do(message, work))
                self._doing.add(task)
                task.add_done_callback(self._doing.discard)

    async def drain(self, *, timeout_seconds: float) -> None:
        """Take nothing more, and wait for what is being done."""
        self._work = lambda _: None
        if self._doing:
            await asyncio.wait(set(self._doing), timeout=timeout_seconds)

    async def delegate(self, worker: str, request: bytes, *, timeout_seconds: float) -> bytes | None:
        """What came of it; None if the worker has refused it. `DelegateLost`, also when it has taken longer than that."""
        self._request_count += 1
        token = str(self._request_count)
        replies = self._replies[token] = asyncio.Queue()
        gone = asyncio.ensure_future(self._tell_when_gone(worker, replies))
        try:
            reply_subject = f"{self._prefix}.{to_token(self._members.own_name)}.{token}"
            try:
                await self._connection.send(f"{self._prefix}.{to_token(worker)}", request, reply=reply_subject)
            except StoreError:
                return None  # it was not sent
            answer = await _next(replies, _PATIENCE_SECONDS)
            if answer == _REFUSED:
                return None
            if answer == _TAKEN:
                answer = await _next(replies, timeout_seconds)
            if answer == _FAILED:
                raise DelegateLost("the worker that ran it could not say what came of it")
            return answer[len(_DONE) :]
        finally:
            del self._replies[token]
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    async def _tell_when_gone(self, worker: str, replies: "asyncio.Queue[bytes | None]") -> None:
        await self._members.wait_gone(worker)
        replies.put_nowait(None)

    async def _do(self, message: Msg, work: Awaitable[bytes]) -> None:
        await self._reply(message, _TAKEN)
        try:
            result = await work
        except Exception:
            _log.exception("what another worker had delegated has failed")
            await self._reply(message, _FAILED)
            return
        if not await self._reply(message, _DONE + result):  # too large for the NATS server, perhaps
            await self._reply(message, _FAILED)

    async def _reply(self, message: Msg, content: bytes) -> bool:
        try:
            await self._connection.send(message.reply, content)
        except StoreError as error:
            _log.warning("another worker does not hear what came of its request: %s", error)
            return False
        return True

    def _on_reply(self, message: Msg) -> None:
        replies = self._replies.get(message.subject.rpartition(".")[2])
        if replies is not None:
            nobody_listens = bool((message.headers or {}).get("Status"))
            replies.put_nowait(_REFUSED if nobody_listens else message.data)

    def _on_interruption(self) -> None:
        for replies in self._replies.values():
            replies.put_nowait(None)


async def _next(replies: "asyncio.Queue[bytes | None]", timeout_seconds: float) -> bytes:
    try:
        async with asyncio.timeout(timeout_seconds):
            reply = await replies.get()
    except TimeoutError:
        reply = None
    if reply is None:
        raise DelegateLost("the worker that was to run it is gone")
    return reply
