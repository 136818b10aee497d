"""A server of MongoDB's protocol that says what a test tells it to, and remembers what it was asked.

Source: https://github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md, and for the client's first command
https://www.mongodb.com/docs/manual/legacy-opcodes/.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import bson

_HEADER, _OP_MSG, _OP_QUERY, _OP_REPLY = struct.Struct("<iiii"), 2013, 2004, 1
_HELLO = {"ok": 1, "helloOk": True, "isWritablePrimary": True, "minWireVersion": 0, "maxWireVersion": 21, "maxBsonObjectSize": 1 << 24}


@dataclass
class MongoDbServer:
    """`answer`: what it says to a command. `commands`: all but greetings and goodbyes. `url`: once it runs."""

    answer: Callable[[dict[str, Any]], dict[str, Any]]
    commands: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Where it listens."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            self.url = f"mongodb://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            yield self.url
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size, request, _, code = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                body = await reader.readexactly(size - _HEADER.size)
                if code == _OP_QUERY:
                    answer = struct.pack("<iqii", 0, 0, 0, 1) + bson.encode(_HELLO)
                else:
                    answer = struct.pack("<iB", 0, 0) + bson.encode(self._said_to(bson.decode(body[5:])))
                writer.write(_HEADER.pack(_HEADER.size + len(answer), 0, request, _OP_REPLY if code == _OP_QUERY else _OP_MSG) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _said_to(self, command: dict[str, Any]) -> dict[str, Any]:
        match next(iter(command)):
            case "hello" | "ismaster":
                return _HELLO
            case "killCursors" | "endSessions":
                return {"ok": 1}
        self.commands.append(command)
        return {"ok": 1, **self.answer(command)}
