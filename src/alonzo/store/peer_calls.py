"""Questions that the workers of one cluster ask each other: NATS requests, answered by whoever they are for.

A question may arrive twice (the connection broke in between), so answering it must do no harm the second time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nats.aio.msg import Msg

from alonzo.errors import AlonzoError
from alonzo.store.connection import Connection
from alonzo.store.errors import StoreError
from alonzo.store.keys import to_token
from alonzo.store.members import Members

_SUBJECTS = "alonzo.peers"

_log = logging.getLogger(__name__)

PeerAnswer = Callable[[bytes], Awaitable[bytes]]


class PeerCalls:
    """One a worker. Made by `open`; `run` answers."""

    def __init__(self, *, connection: Connection, cluster: str, members: Members) -> None:
        self._connection = connection
        self._members = members
        self._prefix = f"{_SUBJECTS}.{to_token(cluster)}"
        self._answers: dict[str, PeerAnswer] = {}
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue()

    @classmethod
    async def open(cls, connection: Connection, *, cluster: str, members: Members) -> "PeerCalls":
        """From here on questions are heard. Errors: the store's."""
        calls = cls(connection=connection, cluster=cluster, members=members)
        await connection.subscribe(f"{calls._subject(members.own_name)}.*", calls._arrived.put_nowait)
        return calls

    def answer(self, topic: str, answer: PeerAnswer) -> None:
        """Answer questions of that kind like this. `AlonzoError`: there is no answer."""
        self._answers[topic] = answer

    async def run(self) -> None:
        """Component: until cancelled."""
        async with asyncio.TaskGroup() as answering:
            while True:
                message = await self._arrived.get()
                answer = self._answers.get(message.subject.rpartition(".")[2])
                if answer is not None:
                    answering.create_task(self._reply(message, answer))

    async def ask(self, peer: str, topic: str, question: bytes, *, timeout_seconds: float) -> bytes | None:
        """The answer; None when there is none in time, or when the peer is gone."""
        request = asyncio.ensure_future(self._connection.request(f"{self._subject(peer)}.{topic}", question))
        gone = asyncio.ensure_future(self._members.wait_gone(peer))
        try:
            await asyncio.wait((request, gone), timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
            if not request.done():
                return None
            try:
                return request.result().data
            except StoreError as error:
                _log.info("worker %s gives no answer: %s", peer, error)
                return None
        finally:
            await _cancel(request, gone)

    async def ask_all(self, peers: Sequence[str], topic: str, question: bytes, *, timeout_seconds: float) -> dict[str, bytes | None]:
        """All of them at the same time."""
        async with asyncio.TaskGroup() as asking:
            tasks = {peer: asking.create_task(self.ask(peer, topic, question, timeout_seconds=timeout_seconds)) for peer in peers}
        return {peer: task.result() for peer, task in tasks.items()}

    async def tell(self, peer: str, topic: str, message: bytes) -> None:
        """Say something that needs no answer. `StoreUnavailable`."""
        await self._connection.send(f"{self._subject(peer)}.{topic}", message)

    async def _reply(self, message: Msg, answer: PeerAnswer) -> None:
        try:
            reply = await answer(message.data)
            if message.reply:
                await self._connection.send(message.reply, reply)
        except AlonzoError as error:
            _log.warning("a question of another worker (%s) is not answered: %s", message.subject, error)
        except Exception:
            _log.exception("a question of another worker (%s) is not answered", message.subject)

    def _subject(self, name: str) -> str:
        return f"{self._prefix}.{to_token(name)}"


async def _cancel(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
