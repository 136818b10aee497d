"""What the bench has to know of a peer, and a peer that runs."""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.http_messages import Response, parse_response, post_request
from bench.processes import iter_tree, read_processes, read_pss_mb

READY_SECONDS, _ANSWER_SECONDS, _STOP_SECONDS = 90.0, 60.0, 3.0
_POLL_SECONDS = 0.01
_RECEIVE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a peer has been installed, where it may write, and on which two ports it may listen."""

    home: Path
    directory: Path
    port: int
    other_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """`path` leads to a function that answers with its event, after `seconds` if there are any in it. `cold_paths` lead to others like
    it, that have not run yet; without any, a cold start needs a new start of the server. `deploy` makes these functions, where that needs
    requests. `ready_path`: what it answers, in whatever way, before any function has run; None: it answers nothing but its function, which
    is then warm. `wrap`: the request's body around an event. `most_at_once`: connections that it survives, None if all. `environments`:
    whether it makes several, whose memory can be told.
    """

    name: str
    what: str
    python: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()
    files: Callable[[Place], Mapping[str, str]]
    command: Callable[[Place], Sequence[str]]
    path: str
    cold_paths: tuple[str, ...] = ()
    variables: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})
    headers: tuple[str, ...] = ()
    wrap: Callable[[bytes], bytes] = field(default=lambda event: event)
    deploy: Callable[["RunningPeer"], None] = field(default=lambda _: None)
    ready_path: str | None = None
    most_at_once: int | None = None
    environments: bool = True


class PeerFailed(RuntimeError):
    """It has not started, or not answered as it should; with the end of its log."""


class RunningPeer:
    """Made by `started_peer`."""

    def __init__(self, peer: Peer, place: Place, process: subprocess.Popen[bytes]) -> None:
        self.peer = peer
        self.process = process
        self.start_seconds = 0.0
        """From the start of its process to its first answer."""
        self.address = ("127.0.0.1", place.port)

    def request(self, event: bytes, path: str | None = None) -> bytes:
        """An invocation, as it goes over the wire."""
        headers = ("Content-Type: application/json", *self.peer.headers)
        return post_request(self.address, path or self.peer.path, self.peer.wrap(event), headers)

    def invoke(self, event: bytes, path: str | None = None) -> float:
        """Once, on a connection of its own: seconds until the answer. PeerFailed, or OSError."""
        started_at = time.perf_counter()
        response = self.send(self.request(event, path))
        seconds = time.perf_counter() - started_at
        if not response.is_success or json.loads(response.body) != json.loads(event):
            raise PeerFailed(f"{self.peer.name}: {path or self.peer.path} answered {response.status} {response.body[:300]!r}")
        return seconds

    def send(self, request: bytes) -> Response:
        """Any request, and its answer."""
        with socket.create_connection(self.address, _ANSWER_SECONDS) as connection:
            connection.sendall(request)
            received = b""
            while (response := parse_response(received)) is None:
                more = connection.recv(_RECEIVE_BYTES)
                if not more:
                    raise ConnectionResetError(f"{self.peer.name} has closed the connection after {received[:200]!r}")
                received += more
        return response

    def memory_mb(self) -> float:
        """PSS of all its processes."""
        return read_pss_mb(process.process_id for process in iter_tree(read_processes(), self.process.pid))


@contextlib.contextmanager
def started_peer(peer: Peer, home: Path, directory: Path) -> Iterator[RunningPeer]:
    """From its start, when it answers, to the end of all its processes."""
    place = Place(home=home, directory=directory, port=_free_port(), other_port=_free_port())
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in peer.files(place).items():
        (directory / name).write_text(content)
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            peer.command(place),
            cwd=directory,
            env=os.environ | credentials | dict(peer.variables(place)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    started_at = time.perf_counter()
    try:
        running = RunningPeer(peer, place, process)
        _wait_until_ready(running, directory / "log")
        running.start_seconds = time.perf_counter() - started_at
        peer.deploy(running)
        yield running
    finally:
        _end(process)


def _wait_until_ready(running: RunningPeer, log: Path) -> None:
    """Until it answers anything at `ready_path`, or as it should at its own."""
    deadline = time.monotonic() + READY_SECONDS
    problem: object = None
    while time.monotonic() < deadline and running.process.poll() is None:
        try:
            if running.peer.ready_path is None:
                running.invoke(b"{}")
            else:
                running.send(post_request(running.address, running.peer.ready_path, b"{}", running.peer.headers))
        except (OSError, PeerFailed, ValueError) as error:
            problem = error
            time.sleep(_POLL_SECONDS)
        else:
            return
    raise PeerFailed(f"{running.peer.name} has not started: {problem}; the end of its log: {log.read_text(errors='replace')[-1000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """All processes that it has started, and no others."""
    started = list(iter_tree(read_processes(), process.pid)) if process.poll() is None else []
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    still = read_processes()
    for one in started:
        if one.process_id in still and still[one.process_id].name == one.name:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.process_id, 9)
    process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
