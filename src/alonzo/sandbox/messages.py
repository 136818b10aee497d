"""Packets to and from guests: the node's side of `guest/channel.py`, which it may not import (see there for the format)."""

import array
import json
import socket
from collections.abc import Sequence
from typing import Any

_PACKET_MAX_BYTES = 196_608
_DESCRIPTORS_MAX = 8


def send(channel: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one packet whole; OSError if the guest is gone or does not read."""
    socket.send_fds(channel, [json.dumps(message).encode()], list(descriptors))


def receive(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next packet and its descriptors, or `(None, [])` when the guest is gone; BlockingIOError if there is none yet."""
    received: array.array[int] = array.array("i")
    space = socket.CMSG_SPACE(_DESCRIPTORS_MAX * received.itemsize)
    data, rights, _, _ = channel.recvmsg(_PACKET_MAX_BYTES, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, content in rights:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            received.frombytes(content[: len(content) - len(content) % received.itemsize])
    return (json.loads(data) if data else None), received.tolist()
