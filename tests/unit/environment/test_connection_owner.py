"""Who is at the other end of a loopback connection."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from alonzo.environment.connection_owner import (
    AnyConnection,
    ConnectedByProcessTree,
    OwnedByProcessTree,
    OwnedByUser,
    find_socket_owner,
    owned_by_process_tree,
)

CONNECTS = """
import socket, sys, subprocess
if sys.argv[2] == "grandchild":
    sys.exit(subprocess.run([sys.executable, "-c", sys.argv[3], sys.argv[1], "itself", sys.argv[3]], stdin=sys.stdin).returncode)
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sys.stdin.read()
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def start_client(listener: socket.socket, which: str) -> "subprocess.Popen[bytes]":
    """A process that connects, or whose child does; it ends with its standard input."""
    port = str(listener.getsockname()[1])
    return subprocess.Popen([sys.executable, "-c", CONNECTS, port, which, CONNECTS], stdin=subprocess.PIPE)


def test_the_owner_is_the_clients_user_and_socket(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client, closing(listener.accept()[0]) as accepted:
        owner = find_socket_owner(client=accepted.getpeername(), server=accepted.getsockname())
        assert owner == (os.getuid(), os.fstat(client.fileno()).st_ino)


def test_a_connection_that_is_not_there_has_no_owner(listener: socket.socket) -> None:
    assert find_socket_owner(client=("127.0.0.1", 1), server=listener.getsockname()) is None


def test_only_the_sandboxs_user_is_admitted(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()), closing(listener.accept()[0]) as accepted:
        ends = {"client": accepted.getpeername(), "server": accepted.getsockname()}
        assert OwnedByUser(os.getuid()).admits(**ends)
        assert not OwnedByUser(os.getuid() + 1).admits(**ends)
        assert AnyConnection().admits(**ends)


ByProcessTree = type[OwnedByProcessTree] | type[ConnectedByProcessTree]

by_process_tree = pytest.mark.parametrize("by_tree", [OwnedByProcessTree, ConnectedByProcessTree])


@by_process_tree
@pytest.mark.parametrize("which", ["itself", "grandchild"])
def test_only_the_sandboxs_processes_are_admitted(listener: socket.socket, which: str, by_tree: ByProcessTree) -> None:
    with start_client(listener, which) as ours, closing(listener.accept()[0]) as accepted, start_client(listener, "itself") as stranger:
        with closing(listener.accept()[0]) as strangers:
            check = by_tree(lambda: ours.pid)
            assert check.admits(client=accepted.getpeername(), server=accepted.getsockname())
            assert not check.admits(client=strangers.getpeername(), server=strangers.getsockname())
        for process in (ours, stranger):
            assert process.stdin is not None
            process.stdin.close()


@by_process_tree
def test_a_process_that_is_gone_owns_nothing(listener: socket.socket, by_tree: ByProcessTree) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    with socket.create_connection(listener.getsockname()), closing(listener.accept()[0]) as accepted:
        ends = {"client": accepted.getpeername(), "server": accepted.getsockname()}
        assert not by_tree(lambda: gone.pid).admits(**ends)


@by_process_tree
def test_nobody_is_admitted_before_the_sandboxs_process_is_known(listener: socket.socket, by_tree: ByProcessTree) -> None:
    with socket.create_connection(listener.getsockname()), closing(listener.accept()[0]) as accepted:
        assert not by_tree(lambda: 0).admits(client=accepted.getpeername(), server=accepted.getsockname())


@pytest.mark.parametrize(("system", "by_tree"), [("linux", OwnedByProcessTree), ("darwin", ConnectedByProcessTree)])
def test_each_system_is_asked_by_its_own_means(monkeypatch: pytest.MonkeyPatch, system: str, by_tree: ByProcessTree) -> None:
    monkeypatch.setattr("sys.platform", system)
    assert type(owned_by_process_tree(lambda: 0)) is by_tree


def test_a_client_that_has_gone_is_not_admitted(listener: socket.socket) -> None:
    client = socket.create_connection(listener.getsockname())
    with closing(listener.accept()[0]) as accepted:
        ends = {"client": accepted.getpeername(), "server": accepted.getsockname()}
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        client.close()
        assert not OwnedByUser(os.getuid()).admits(**ends)
