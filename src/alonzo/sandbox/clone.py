"""A clone of a sandbox's runtime, as the node holds it: what `Sandbox` is to a runtime that was started, for one that was forked from it.

It lives in the sandbox of its origin, with control groups, /tmp, log pipe and connection to the Runtime API of its own
(`guest/family.py`), and ends when that sandbox does.
"""

import asyncio
import os
import socket
from collections.abc import Callable

from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.peak_memory import PeakMemory
from alonzo.sandbox.processor_share import ProcessorShare
from alonzo.sandbox.resource_usage import ResourceReader, processes_in
from alonzo.sandbox.settings import SandboxSettings


class Clone:
    """Made by `Sandbox.clone`. `kill` ends it and lets go of it."""

    def __init__(
        self,
        *,
        clone_id: str,
        user: int,
        memory_mib: int,
        log_pipe: int,
        runtime_connection: socket.socket,
        in_transit: tuple[int, ...],
        settings: SandboxSettings,
        end: Callable[[str], None],
    ) -> None:
        self.id = clone_id
        self.user = user
        self.log_pipe = log_pipe
        self.runtime_connection: socket.socket | None = runtime_connection
        self.listeners: list[socket.socket] = []
        """None: what asks at the address of the Runtime API asks its origin."""
        self.in_transit = in_transit
        """Descriptors that are its process's, until it has them for certain."""
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.runtime_exit: asyncio.Future[int] = loop.create_future()
        """As of a `Sandbox`."""
        self.ended: asyncio.Future[None] = loop.create_future()
        self._settings = settings
        self._end = end
        self.processor_share = ProcessorShare(settings.cgroups, clone_id)
        self.processor_share.begin(memory_mib)
        self._peak = PeakMemory()
        self._is_held = True
        self._is_closed = False

    def kill(self) -> None:
        """End every process of it now, and let go of it. May be called again."""
        self._is_held = False
        if self.ended.done():
            self._close()
        else:
            self._end(self.id)

    def peak_memory_bytes(self) -> int | None:
        """The most memory that is its own; what it has from its origin and has not changed is not."""
        return self._peak.read()

    def resource_reader(self) -> ResourceReader:
        """As of a `Sandbox`."""
        group = self._settings.cgroups.find_group(self.id)
        return self._settings.resource_reader(self.id, lambda: processes_in(group))

    def was_out_of_memory(self) -> bool:
        """Whether the kernel has killed a process of it because it reached its memory limit."""
        return self._settings.cgroups.oom_kill_count(self.id) > 0

    def note_running(self) -> None:
        """It has been forked."""
        self._close_transit()
        if not self._is_closed:
            self._peak.open(self._settings.cgroups.peak_memory_file(self.id))
        if not self.ready.done():
            self.ready.set_result(None)

    def note_exit(self, status: int) -> None:
        """Its first process has ended; others may be left."""
        if not self.runtime_exit.done():
            self.runtime_exit.set_result(status)

    def note_failure(self, reason: str) -> None:
        """It could not be made."""
        if not self.ready.done():
            self.ready.set_exception(SandboxLost(f"a clone could not be made: {reason}"))
            self.ready.exception()  # whoever waits sees it; nobody needs to

    def note_ended(self) -> None:
        """Every process of it is gone."""
        self._close_transit()
        self.note_failure("it ended")
        self.note_exit(-9)
        self.ended.set_result(None)
        if not self._is_held:
            self._close()

    def _close_transit(self) -> None:
        for descriptor in self.in_transit:
            os.close(descriptor)
        self.in_transit = ()

    def _close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self.runtime_connection is not None:
            self.runtime_connection.close()
        os.close(self.log_pipe)
        self._peak.close()
