"""The connections to one environment's Runtime API: how many there may be, and how much they may hold."""

import logging

from alonzo.environment.runtime_api import RuntimeApiConnection
from alonzo.model import quotas

_log = logging.getLogger(__name__)

_COUNT_MAX = 24
"""Each is a descriptor of the node, and may hold a response of 6 MB: more than a runtime and its extensions need."""

_COUNT_PER_INVOCATION = 2
"""Beside these, where several run at once: one to ask for the next, one to answer."""


class RuntimeConnections:
    """`max_concurrency`: how many invocations may run at once, None if they run one after the other."""

    def __init__(self, *, max_concurrency: int | None, function_arn: str) -> None:
        self._count_max = _COUNT_MAX + _COUNT_PER_INVOCATION * (max_concurrency or 0)
        self._function_arn = function_arn
        self._connections: set[RuntimeApiConnection] = set()
        self._body_bytes = 0
        self._has_warned_of_strangers = False

    def __bool__(self) -> bool:
        return bool(self._connections)

    def add(self, connection: RuntimeApiConnection) -> None:
        """A process of the environment has connected."""
        self._connections.add(connection)
        if len(self._connections) > self._count_max:
            connection.close()

    def remove(self, connection: RuntimeApiConnection) -> None:
        """It is gone."""
        self._connections.discard(connection)

    def close(self) -> None:
        """Close all."""
        for connection in self._connections:
            connection.close()

    def count_body(self, byte_count: int, *, running_count: int) -> bool:
        """So many bytes more, or fewer, are held. False: more than any environment's, and a response for each invocation that runs."""
        self._body_bytes += byte_count
        return byte_count <= 0 or self._body_bytes <= (_COUNT_MAX + running_count) * quotas.RESPONSE_SYNC_MAX_BYTES

    def note_stranger(self) -> None:
        """Another process of the machine has tried to connect, and was turned away. Said once: it may try for ever."""
        if not self._has_warned_of_strangers:
            self._has_warned_of_strangers = True
            _log.warning("a stranger connected to the Runtime API of an environment of %s and was turned away", self._function_arn)
