"""Messages to and from guests in the event loop: the node's side of `guest/channel.py`, which it may not import (see there for the format).

What comes is checked: sizes, numbers of descriptors and the fields of messages. A guest that sends anything else is let go of.
"""

import array
import asyncio
import json
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

M = TypeVar("M")

_HEADER = struct.Struct("!IB")
_RECEIVED_MAX_BYTES = 65_536
_DESCRIPTORS_MAX = 8
_READ_BYTES = 4_096


class GuestChannel(Generic[M]):
    """The node's end of a socket to a guest; `close` gives it up.

    `on_message` is called with each message and its descriptors, which are the callee's to close. `on_end` is called once when no more can
    come, with what the guest did wrong or None; `close` does not call it.
    """

    def __init__(
        self,
        control: socket.socket,
        *,
        message_type: type[M],
        on_message: Callable[[M, list[int]], None],
        on_end: Callable[[str | None], None],
    ) -> None:
        # For life.
        self._control = control
        self._decoder = msgspec.json.Decoder(message_type)
        self._on_message = on_message
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._is_open = True
        # Of the stream.
        self._received = bytearray()
        self._descriptors: deque[int] = deque()
        self._unsent: deque[tuple[bytes, Sequence[int]]] = deque()
        control.setblocking(False)
        self._loop.add_reader(control, self._on_readable)

    def send(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send now, or when the guest has read what is before it: a zygote takes a millisecond for each sandbox.

        `descriptors` must stay open until the guest has answered (see `guest/channel.py`). OSError if the guest is gone.
        """
        body = json.dumps(message).encode()
        self._unsent.append((_HEADER.pack(len(body), len(descriptors)) + body, descriptors))
        if len(self._unsent) > 1:
            return
        try:
            self._send_waiting()
        except OSError:
            self._unsent.clear()
            raise

    def close(self) -> None:
        """Give the socket up, and what has not been sent or read. May be called again."""
        if not self._is_open:
            return
        self._is_open = False
        self._on_message = self._on_end = _leave_it  # they have whoever has this channel: neither shall wait for the garbage collector
        self._loop.remove_reader(self._control)
        self._loop.remove_writer(self._control)
        self._control.close()
        self._unsent.clear()
        while self._descriptors:
            os.close(self._descriptors.popleft())

    def _send_waiting(self) -> None:
        try:
            while self._unsent:
                frame, descriptors = self._unsent[0]
                sent = socket.send_fds(self._control, [frame], descriptors) if descriptors else self._control.send(frame)
                if sent < len(frame):
                    self._unsent[0] = (frame[sent:], ())
                else:
                    self._unsent.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._control, self._send_more)
        else:
            self._loop.remove_writer(self._control)

    def _send_more(self) -> None:
        try:
            self._send_waiting()
        except OSError:
            self._end(None)

    def _on_readable(self) -> None:
        received: array.array[int] = array.array("i")
        try:
            data, rights, flags, _ = self._control.recvmsg(_READ_BYTES, socket.CMSG_SPACE(_DESCRIPTORS_MAX * received.itemsize))
        except BlockingIOError:
            return
        except OSError:
            self._end(None)
            return
        for level, kind, content in rights:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                received.frombytes(content[: len(content) - len(content) % received.itemsize])
        for descriptor in received:
            os.set_inheritable(descriptor, False)
        self._descriptors.extend(received)
        self._received += data
        if not data:
            self._end("it stopped within a message" if self._received else None)
        elif flags & socket.MSG_CTRUNC:
            self._end("it sent more descriptors at once than a message may have")
        else:
            self._take_frames()

    def _take_frames(self) -> None:
        while self._is_open and len(self._received) >= _HEADER.size:
            length, descriptor_count = _HEADER.unpack_from(self._received)
            if length > _RECEIVED_MAX_BYTES:
                self._end(f"it announced a message of {length} bytes")
                return
            end = _HEADER.size + length
            if len(self._received) < end:
                return
            body = bytes(self._received[_HEADER.size : end])
            del self._received[:end]
            self._take(body, descriptor_count)
        if len(self._descriptors) > _DESCRIPTORS_MAX:
            self._end("it sent more descriptors than it announced")

    def _take(self, body: bytes, descriptor_count: int) -> None:
        if descriptor_count > len(self._descriptors):
            self._end("it announced descriptors that did not come")
            return
        try:
            message = self._decoder.decode(body)
        except msgspec.DecodeError as error:
            self._end(f"it sent what is no message: {error}")
            return
        self._on_message(message, [self._descriptors.popleft() for _ in range(descriptor_count)])

    def _end(self, violation: str | None) -> None:
        on_end = self._on_end
        self.close()
        on_end(violation)


def _leave_it(*_: object) -> None:
    """What a channel that is closed does."""
