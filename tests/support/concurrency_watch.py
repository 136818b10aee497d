"""Counts the invocations that run at the same time, as they tell it themselves: each holds a connection while it runs."""

import socket
import threading
from types import TracebackType
from typing import Self

WATCHED = """
import os, socket, time

def handler(event, context):
    with socket.create_connection(("127.0.0.1", int(os.environ["WATCH_PORT"]))) as watch:
        watch.recv(1)  # it is counted
        time.sleep(0.02)
        watch.sendall(b"-")
        watch.recv(1)  # it is counted no more, before anybody can know that this has ended
    return "watched"
"""
"""A function that tells. It is counted for less time than it takes, so that too many can never be the watch's fault."""


class ConcurrencyWatch:
    """Started and ended by `with`."""

    def __init__(self) -> None:
        self.most = 0
        self.run_count = 0
        self._now = 0
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._thread = threading.Thread(target=self._accept)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._thread.join()
        self._socket.close()

    def _accept(self) -> None:
        followers: list[threading.Thread] = []
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                break
            followers.append(threading.Thread(target=self._follow, args=(connection,)))
            followers[-1].start()
        for follower in followers:
            follower.join()

    def _follow(self, connection: socket.socket) -> None:
        with connection:
            with self._lock:
                self._now += 1
                self.run_count += 1
                self.most = max(self.most, self._now)
            connection.sendall(b"+")
            connection.recv(1)
            with self._lock:
                self._now -= 1
            try:
                connection.sendall(b"-")
            except OSError:
                return  # it has been ended meanwhile
