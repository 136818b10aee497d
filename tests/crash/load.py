"""Invocations that keep coming while something is killed."""

import json
import threading
from types import TracebackType
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError
from tests.support.server import Server


class Load:
    """Invokes one function from several threads from entering to leaving `with`; tells what came back, and does not judge."""

    def __init__(self, server: Server, name: str, *, threads: int = 4, event: object = None) -> None:
        self._client = server.client("lambda", read_timeout=30)
        self._name = name
        self._payload = json.dumps(event).encode()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._invoke_until_stopped) for _ in range(threads)]
        self._lock = threading.Lock()
        self.success_count = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _invoke_until_stopped(self) -> None:
        while not self._stop.is_set():
            failure = self._invoke()
            with self._lock:
                if failure is None:
                    self.success_count += 1
                else:
                    self.failures.append(failure)
            if failure is not None:
                self._stop.wait(0.02)

    def _invoke(self) -> str | None:
        try:
            answer = self._client.invoke(FunctionName=self._name, Payload=self._payload)
        except (BotoCoreError, ClientError) as error:
            return str(error)
        payload: str = answer["Payload"].read().decode()
        return payload if "FunctionError" in answer else None
