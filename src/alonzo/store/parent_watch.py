"""Ends the NATS server when its node has ended, where the kernel does not do that: everywhere but on Linux.

A shell waits at a pipe whose other end only the node has open. It is told the server's process id; when the pipe ends without a word, the
node was killed, and the server is told to end.
"""

import asyncio

_PROGRAM = 'while read -r word; do server=$word; done; [ -z "$server" ] || kill -TERM "$server"'


class ParentWatch:
    """Made by `start`, ended by `aclose` or with this process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> "ParentWatch":
        """Start the shell; it watches over nobody yet."""
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C at the terminal is for the node
        )
        return cls(process)

    def set_server(self, process_id: int | None) -> None:
        """Whom to end when this process ends; None: nobody."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n" if process_id is None else b"%d\n" % process_id)

    async def aclose(self) -> None:
        """End the shell, which ends nobody."""
        assert self._process.stdin is not None
        self.set_server(None)
        self._process.stdin.close()
        await self._process.wait()
