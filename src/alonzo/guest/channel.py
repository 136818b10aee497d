"""Messages between the node and its guests: frames on a Unix stream socket, the kind that Linux and macOS both have.

A frame is the length of its body (4 bytes, big-endian), the number of descriptors that come along (1 byte) and the body, a JSON object. The
descriptors are attached to the frame's first byte (unix(7), SCM_RIGHTS). Whoever sends some keeps them open until the other side has
answered: macOS may lose a descriptor that is closed on its way (https://crbug.com/298276).
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

HEADER = struct.Struct("!IB")
MESSAGE_MAX_BYTES = 1_048_576
DESCRIPTORS_MAX = 8


def send(channel: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send `message` whole or raise OSError."""
    body = json.dumps(message).encode()
    frame = HEADER.pack(len(body), len(descriptors)) + body
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    sent = channel.sendmsg([frame], rights)
    if sent < len(frame):
        channel.sendall(frame[sent:])


def receive(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and its descriptors (close-on-exec), or `(None, [])` when the other side is gone.

    Nothing is read beyond the frame: what follows may be for the program that this process executes next. ConnectionError if the stream
    ends within a frame or holds no frames.
    """
    head, descriptors = _receive_head(channel)
    if not head:
        return None, []
    length, descriptor_count = HEADER.unpack(head)
    if length > MESSAGE_MAX_BYTES or descriptor_count != len(descriptors):
        for descriptor in descriptors:
            os.close(descriptor)
        raise ConnectionError(f"not a frame: {length} bytes and {descriptor_count} descriptors, {len(descriptors)} received")
    return json.loads(_receive_exactly(channel, length)), descriptors


def _receive_head(channel: socket.socket) -> tuple[bytes, list[int]]:
    descriptors: array.array[int] = array.array("i")
    space = socket.CMSG_SPACE(DESCRIPTORS_MAX * descriptors.itemsize)
    head, rights, _, _ = channel.recvmsg(HEADER.size, space)
    for level, kind, content in rights:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # not MSG_CMSG_CLOEXEC, which macOS lacks: guests have one thread, nobody executes meanwhile
    if head and len(head) < HEADER.size:
        head += _receive_exactly(channel, HEADER.size - len(head))
    return head, descriptors.tolist()


def _receive_exactly(channel: socket.socket, length: int) -> bytes:
    data = channel.recv(length, socket.MSG_WAITALL)
    while len(data) < length:
        more = channel.recv(length - len(data), socket.MSG_WAITALL)
        if not more:
            raise ConnectionResetError("the stream ended within a frame")
        data += more
    return data
