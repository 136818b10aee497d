"""The innocent second function: invoked all the while, it must go on answering rightly and in good time."""

import contextlib
import threading
from types import TracebackType
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError
from tests.support.server import Server

_SOURCE = "def handler(event, context):\n    return event + 1\n"
_PATIENCE_SECONDS = 5
"""An answer that takes longer counts as harm done."""
_PACE_SECONDS = 0.03


class Neighbour:
    """Invokes its function from entering to leaving `with`; leaving raises AssertionError if it was harmed."""

    def __init__(self, server: Server) -> None:
        self._client = server.client("lambda", read_timeout=_PATIENCE_SECONDS, connect_timeout=_PATIENCE_SECONDS)
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._invoke_until_stopped, name="neighbour")
        self._answer_count = 0
        self._harm: list[str] = []

    def __enter__(self) -> Self:
        with contextlib.suppress(self._client.exceptions.ResourceConflictException):  # it is there from an earlier test
            self._server.deploy("neighbour", _SOURCE)
        self._ask(0)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        if error is None:
            self._ask(self._answer_count)
            assert not self._harm, self._harm
            assert self._answer_count > 1

    def _invoke_until_stopped(self) -> None:
        while not self._stop.wait(_PACE_SECONDS):
            self._ask(self._answer_count)

    def _ask(self, number: int) -> None:
        try:
            answer = self._client.invoke(FunctionName="neighbour", Payload=str(number).encode())
            payload = answer["Payload"].read()
        except (BotoCoreError, ClientError) as error:
            self._harm.append(str(error))
            return
        if payload != str(number + 1).encode():
            self._harm.append(payload.decode())
        self._answer_count += 1
