"""Messages between the node and its guests: one JSON object a packet, with file descriptors beside it (unix(7), SCM_RIGHTS)."""

from __future__ import annotations

import array
import json
import socket
from collections.abc import Sequence
from typing import Any

MESSAGE_MAX_BYTES = 196_608
"""Below Linux's default socket buffer (212,992 bytes), which bounds a packet."""
DESCRIPTORS_MAX = 8


def send(channel: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send `message` whole or raise OSError."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    channel.sendmsg([json.dumps(message).encode()], rights)


def receive(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and its descriptors (close-on-exec), or `(None, [])` when the other side is gone."""
    received: array.array[int] = array.array("i")
    data, rights, _, _ = channel.recvmsg(MESSAGE_MAX_BYTES, socket.CMSG_SPACE(DESCRIPTORS_MAX * received.itemsize), socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in rights:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            received.frombytes(content[: len(content) - len(content) % received.itemsize])
    if not data:
        return None, []
    return json.loads(data), list(received)
