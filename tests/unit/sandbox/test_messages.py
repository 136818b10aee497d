"""The node's side of messages: it never waits for a guest, and does not believe what a guest sends."""

import asyncio
import functools
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import pytest
import uvloop
from tests.support.garbage import nothing_left_of

from alonzo.guest import channel as guest
from alonzo.sandbox.messages import GuestChannel

_PROMPTLY_SECONDS = 10.0


class Said(msgspec.Struct, frozen=True):
    number: int = 0
    text: str = ""


@dataclass
class Node:
    """The node's end of a socket, with what came through it."""

    guest: socket.socket
    channel: GuestChannel[Said] | None = None
    messages: list[tuple[Said, list[int]]] = field(default_factory=list)
    ends: list[str | None] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_message(self, message: Said, descriptors: list[int]) -> None:
        self.messages.append((message, descriptors))
        self.changed.set()

    def on_end(self, violation: str | None) -> None:
        self.ends.append(violation)
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PROMPTLY_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def a_node(buffer_bytes: int | None = None) -> AsyncIterator[tuple[Node, GuestChannel[Said]]]:
    ours, theirs = socket.socketpair()
    if buffer_bytes:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
    node = Node(theirs)
    channel = GuestChannel(ours, message_type=Said, on_message=node.on_message, on_end=node.on_end)
    try:
        yield node, channel
    finally:
        channel.close()
        theirs.close()
        for _, descriptors in node.messages:
            for descriptor in descriptors:
                os.close(descriptor)


def in_the_nodes_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**arguments: object) -> None:
        uvloop.run(test(**arguments))

    return run


def test_whoever_has_a_closed_channel_is_gone_when_nobody_has_it_any_more() -> None:
    class Owner:
        def __init__(self, control: socket.socket) -> None:
            self.has_ended = asyncio.Event()
            self.channel = GuestChannel(control, message_type=Said, on_message=self.on_message, on_end=self.on_end)

        def on_message(self, message: Said, descriptors: list[int]) -> None:
            raise AssertionError((message, descriptors))

        def on_end(self, violation: str | None) -> None:
            assert violation is None
            self.has_ended.set()

    async def scenario(*, ends: bool) -> None:
        ours, theirs = socket.socketpair()
        owner = Owner(ours)
        theirs.close()
        if ends:
            await owner.has_ended.wait()
        owner.channel.close()

    with nothing_left_of(Owner):
        uvloop.run(scenario(ends=True))
        uvloop.run(scenario(ends=False))


def frame(body: bytes, *, descriptors: int = 0, length: int | None = None) -> bytes:
    return struct.pack("!IB", len(body) if length is None else length, descriptors) + body


@in_the_nodes_loop
async def test_messages_come_in_order_with_their_descriptors() -> None:
    read, write = os.pipe()
    async with a_node() as (node, _):
        guest.send(node.guest, {"number": 1}, [read])
        guest.send(node.guest, {"number": 2})
        guest.send(node.guest, {"number": 3}, [read, write])
        await node.until(lambda: len(node.messages) == 3)
        assert [(message.number, len(descriptors)) for message, descriptors in node.messages] == [(1, 1), (2, 0), (3, 2)]
        kept = [descriptor for _, descriptors in node.messages for descriptor in descriptors]
        assert [os.fstat(each).st_ino for each in kept] == [os.fstat(each).st_ino for each in (read, read, write)]
        assert not any(os.get_inheritable(each) for each in kept)
    os.close(read)
    os.close(write)


@in_the_nodes_loop
async def test_a_frame_that_comes_byte_by_byte() -> None:
    async with a_node() as (node, _):
        for byte in frame(b'{"number":7}') * 2:
            node.guest.send(bytes([byte]))
            await asyncio.sleep(0)
        await node.until(lambda: len(node.messages) == 2)
        assert [message.number for message, _ in node.messages] == [7, 7]


@in_the_nodes_loop
async def test_sending_does_not_wait_for_a_guest_that_does_not_read() -> None:
    read, write = os.pipe()
    messages = [{"number": number, "text": "x" * 10_000} for number in range(50)]
    async with a_node(4_096) as (node, channel):
        for message in messages:
            channel.send(message, [read, write])
        received = await asyncio.to_thread(lambda: [guest.receive(node.guest) for _ in messages])
        assert [message for message, _ in received] == messages
        for _, descriptors in received:
            assert [os.fstat(each).st_ino for each in descriptors] == [os.fstat(each).st_ino for each in (read, write)]
            for each in descriptors:
                os.close(each)
        channel.send({"number": 51})
        assert guest.receive(node.guest) == ({"number": 51}, [])
    os.close(read)
    os.close(write)


@in_the_nodes_loop
async def test_the_end_is_told_once() -> None:
    async with a_node() as (node, channel):
        guest.send(node.guest, {"number": 1})
        node.guest.close()
        await node.until(lambda: bool(node.ends))
        assert [message.number for message, _ in node.messages] == [1]
        with pytest.raises(OSError, match=r"."):
            channel.send({})
    assert node.ends == [None]


@in_the_nodes_loop
async def test_an_end_that_the_node_chose_is_not_told() -> None:
    async with a_node() as (node, channel):
        channel.close()
        assert node.guest.recv(1) == b""
        assert node.ends == []


@in_the_nodes_loop
async def test_a_guest_that_goes_away_while_it_does_not_read() -> None:
    async with a_node(4_096) as (node, channel):
        channel.send({"text": "x" * 100_000})
        node.guest.close()
        await node.until(lambda: bool(node.ends))
    assert node.ends == [None]


@pytest.mark.parametrize(
    ("garbage", "word"),
    [
        (frame(b"{}", length=65_537), "65537 bytes"),
        (b"\xff" * 5, "4294967295 bytes"),
        (frame(b"not JSON"), "no message"),
        (frame(b"\xff\xfe"), "no message"),
        (frame(b"[]"), "no message"),
        (frame(b'{"number":"1"}'), "no message"),
        (frame(b"{}", descriptors=1), "did not come"),
    ],
)
@in_the_nodes_loop
async def test_garbage_ends_it(garbage: bytes, word: str) -> None:
    async with a_node() as (node, _):
        node.guest.send(garbage)
        await node.until(lambda: bool(node.ends))
        assert word in (node.ends[0] or "")
        assert node.messages == []
        assert node.guest.recv(1) == b""  # and the guest sees its own end


@in_the_nodes_loop
async def test_half_a_message_at_the_end_is_garbage() -> None:
    async with a_node() as (node, _):
        node.guest.send(frame(b"{}")[:-1])
        node.guest.close()
        await node.until(lambda: bool(node.ends))
    assert node.ends == ["it stopped within a message"]


@pytest.mark.parametrize("count", [1, 8, 9, 100])
@in_the_nodes_loop
async def test_descriptors_that_nobody_announced_are_not_kept(count: int) -> None:
    read, write = os.pipe()
    async with a_node() as (node, channel):
        for _ in range(10):
            try:
                socket.send_fds(node.guest, [frame(b"{}")], [write] * count)
            except OSError:
                break  # it has been let go of by now
            await asyncio.sleep(0.001)
        await node.until(lambda: bool(node.ends))
        assert "descriptors" in (node.ends[0] or "")
        channel.close()
    os.close(write)
    assert os.read(read, 1) == b""  # none is left open
    os.close(read)
