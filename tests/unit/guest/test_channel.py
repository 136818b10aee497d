"""The guest's side of messages: whole frames, never more than one, descriptors with them."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from alonzo.guest import channel

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        yield ours, theirs


def test_a_message_arrives_with_its_descriptors(pair: Pair) -> None:
    read, write = os.pipe()
    channel.send(pair[0], {"name": "é"}, [read, write])
    message, descriptors = channel.receive(pair[1])
    assert message == {"name": "é"}
    assert [os.fstat(each).st_ino for each in descriptors] == [os.fstat(each).st_ino for each in (read, write)]
    assert not any(os.get_inheritable(each) for each in descriptors)
    for each in (read, write, *descriptors):
        os.close(each)


def test_nothing_is_read_beyond_a_frame(pair: Pair) -> None:
    read, write = os.pipe()
    channel.send(pair[0], {"number": 1})
    channel.send(pair[0], {"number": 2}, [read])
    channel.send(pair[0], {"number": 3}, [write])
    assert channel.receive(pair[1]) == ({"number": 1}, [])
    for number in (2, 3):
        message, (descriptor,) = channel.receive(pair[1])
        assert message == {"number": number}
        os.close(descriptor)
    os.close(read)
    os.close(write)


def test_a_message_larger_than_the_sockets_buffer(pair: Pair) -> None:
    pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    read, write = os.pipe()
    message = {"text": "x" * 500_000}
    sender = threading.Thread(target=channel.send, args=(pair[0], message, [read, write]))
    sender.start()
    received, descriptors = channel.receive(pair[1])
    sender.join()
    assert received == message
    for each in (read, write, *descriptors):
        os.close(each)


def test_a_frame_that_comes_byte_by_byte(pair: Pair) -> None:
    received = []
    receiver = threading.Thread(target=lambda: received.append(channel.receive(pair[1])))
    receiver.start()
    for byte in channel.HEADER.pack(7, 0) + b'{"a":1}':
        pair[0].send(bytes([byte]))
    receiver.join()
    assert received == [({"a": 1}, [])]


def test_the_end(pair: Pair) -> None:
    pair[0].close()
    assert channel.receive(pair[1]) == (None, [])


@pytest.mark.parametrize("start", [b"\0\0", channel.HEADER.pack(10, 0), channel.HEADER.pack(10, 0) + b"{"])
def test_an_end_within_a_frame(pair: Pair, start: bytes) -> None:
    pair[0].send(start)
    pair[0].close()
    with pytest.raises(ConnectionResetError, match="within a frame"):
        channel.receive(pair[1])


@pytest.mark.parametrize("head", [channel.HEADER.pack(channel.MESSAGE_MAX_BYTES + 1, 0), channel.HEADER.pack(2, 1)])
def test_what_is_no_frame(pair: Pair, head: bytes) -> None:
    pair[0].send(head + b"{}")
    with pytest.raises(ConnectionError, match="not a frame"):
        channel.receive(pair[1])


def test_descriptors_that_nobody_announced_are_closed(pair: Pair) -> None:
    read, write = os.pipe()
    socket.send_fds(pair[0], [channel.HEADER.pack(2, 0) + b"{}"], [write])
    os.close(write)
    with pytest.raises(ConnectionError, match="not a frame"):
        channel.receive(pair[1])
    assert os.read(read, 1) == b""
    os.close(read)
