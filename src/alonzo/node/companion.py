"""The companion's process: started when the first request for it comes, started again when it has died, ended with the node.

The node holds the Unix socket that the companion accepts on. So requests find the socket from the beginning, wait in its backlog while the
process starts, and need not be told of a new one. A socket that becomes readable while there is no process is the call for one (as systemd
starts services by their sockets). Until then there is no process and nothing of it is loaded here.

Only the node's own user reaches the socket: its directory is closed to others, and sandboxes do not see it.
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import socket
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from alonzo.errors import SetupError
from alonzo.node.configuration import Configuration

COMPANION_SERVICES = (
    *(
        "acm",
        "apigateway",
        "apigatewayv2",
        "cloudformation",
        "cloudwatch",
        "cognito-idp",
        "dynamodb",
        "dynamodbstreams",
        "ec2",
        "ecr",
        "elbv2",
        "events",
        "firehose",
    ),
    *("iam", "kinesis", "kms", "resourcegroupstaggingapi", "route53", "s3", "scheduler", "secretsmanager", "ses", "sns", "sqs", "ssm"),
    *("stepfunctions", "sts"),
)
"""Those that people look for, of more than a hundred. (Source: https://docs.getmoto.org/en/latest/docs/services/index.html.)"""

_BACKLOG = 1_024
_TOKEN_BYTES = 16
_SOCKET_PATH_MAX_BYTES = 100
"""sockaddr_un holds 108 on Linux, 104 on macOS."""

_STOP_SECONDS = 60.0
"""Enough to write its state."""

_PAUSE_SECONDS, _PAUSE_MAX_SECONDS = 0.1, 5.0
_LONG_LIFE_SECONDS = 30.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionAccess:
    """`socket_path`: where the companion is reached. `token`: with which it says to a node that it is the companion."""

    socket_path: str
    token: str

    def is_in_use(self) -> bool:
        """Whether it may hold anything: it has been asked for since the node was started, or keeps what it holds. One `stat`."""
        return _mark_of(self.socket_path).exists()


class CompanionProcess:
    """Made by `open`; `run` while the node lives; `aclose` ends it. `endpoint_url`: where it finds Lambda.

    `state_directory`: where its state is kept over restarts; None if it is not.
    """

    def __init__(self, *, listener: socket.socket, resources: ExitStack, endpoint_url: str, state_directory: Path | None) -> None:
        self._listener = listener
        self._resources = resources
        self._endpoint_url = endpoint_url
        self._state_directory = state_directory
        self._token = secrets.token_hex(_TOKEN_BYTES)
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    def open(cls, *, data_directory: Path, endpoint_url: str, state_directory: Path | None) -> "CompanionProcess":
        """Listen, and start nothing yet. SetupError."""
        with ExitStack() as stack:
            try:
                path = _socket_path(data_directory, stack)
                listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                path.unlink(missing_ok=True)
                listener.bind(str(path))
                stack.callback(path.unlink, missing_ok=True)
                mark = _mark_of(path)
                mark.unlink(missing_ok=True)
                stack.callback(mark.unlink, missing_ok=True)
                if state_directory is not None and state_directory.exists():
                    mark.touch()
                path.chmod(0o600)
                listener.listen(_BACKLOG)
                listener.setblocking(False)
            except OSError as error:
                raise SetupError(f"the companion's socket cannot be made: {error}") from error
            return cls(listener=listener, resources=stack.pop_all(), endpoint_url=endpoint_url, state_directory=state_directory)

    @property
    def access(self) -> CompanionAccess:
        """For those that talk with it."""
        return CompanionAccess(socket_path=str(self._listener.getsockname()), token=self._token)

    async def run(self) -> None:
        """Component: sees to it that there is a process when there are requests."""
        loop, pause_seconds = asyncio.get_running_loop(), _PAUSE_SECONDS
        while True:
            await self._wait_for_request()
            _mark_of(self._listener.getsockname()).touch()
            started_at = loop.time()
            is_ready = await self._live()
            if not is_ready:
                self._turn_away()
            pause_seconds = _PAUSE_SECONDS if loop.time() - started_at > _LONG_LIFE_SECONDS else min(2 * pause_seconds, _PAUSE_MAX_SECONDS)
            await asyncio.sleep(pause_seconds)

    async def aclose(self) -> None:
        """End the process, which may still write its state, and listen no more. Cancelled, it kills the process."""
        process = self._process
        try:
            if process is not None and process.returncode is None:
                await _stop(process)
        finally:
            self._resources.close()

    async def _wait_for_request(self) -> None:
        loop, has_come = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._listener.fileno(), has_come.set)
        try:
            await has_come.wait()
        finally:
            loop.remove_reader(self._listener.fileno())

    async def _live(self) -> bool:
        """The life of one process; whether it came so far that it served. Cancelled, it leaves the process to `aclose`."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        process = self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alonzo.companion"),
            stdin=asyncio.subprocess.PIPE,  # it ends with it, and so with the node
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(self._listener.fileno(),),
            start_new_session=True,  # a Ctrl-C at the terminal is for the node, which ends it last
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self._settings())
        is_ready = bool(await process.stdout.read(1))
        if is_ready:
            _log.info("the other services are there after %.1f s; %s", loop.time() - started_at, _what_is_kept(self._state_directory))
        await process.wait()
        _log.error(
            "the other services ended with %d; %s; the next request starts them again",
            process.returncode,
            _what_is_kept(self._state_directory),
        )
        return is_ready

    def _settings(self) -> bytes:
        settings = {
            "socket_descriptor": self._listener.fileno(),
            "endpoint_url": self._endpoint_url,
            "token": self._token,
            "state_directory": None if self._state_directory is None else str(self._state_directory),
        }
        return json.dumps(settings).encode() + b"\n"

    def _turn_away(self) -> None:
        """Those who wait for a process that cannot start."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()


def open_companion(configuration: Configuration, *, port: int) -> CompanionProcess | None:
    """That of a node, or of all its workers; None if it is to have none. `port`: where the node is reached. SetupError."""
    if not configuration.has_companion:
        return None
    return CompanionProcess.open(
        data_directory=configuration.data_directory,
        endpoint_url=own_url(configuration.host, port),
        state_directory=_state_directory(configuration),
    )


def companion_notice(configuration: Configuration) -> str | None:
    """What whoever starts the platform is to know of the services that come with it, which start later; None if there are none."""
    if not configuration.has_companion:
        return None
    return f"the other services of AWS (S3, SQS, ...) start with their first request; {_what_is_kept(_state_directory(configuration))}"


def _state_directory(configuration: Configuration) -> Path | None:
    return configuration.data_directory / "companion" / "state" if configuration.persist else None


def own_url(host: str, port: int) -> str:
    """Where a node that listens there is reached from its own machine."""
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not to listen on
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _stop(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        _log.warning("the companion does not stop; killing it")
    finally:
        if process.returncode is None:
            process.kill()
    await process.wait()


def _mark_of(socket_path: str | Path) -> Path:
    """A file that is there while the companion may hold something, for workers, too, which have no other way to know."""
    return Path(f"{socket_path}.used")


def _socket_path(data_directory: Path, stack: ExitStack) -> Path:
    """In the data directory, if its name is not too long for a socket."""
    path = data_directory / "companion" / "socket"
    if len(os.fsencode(path)) <= _SOCKET_PATH_MAX_BYTES:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alonzo-"))) / "socket"


def _what_is_kept(state_directory: Path | None) -> str:
    if state_directory is None:
        return "their state is in memory only and ends with them (--persist keeps it)"
    return (
        f"their state is kept in {state_directory}, in snapshots every few seconds: what came after the last snapshot is lost "
        "when they are killed, and executions that run are lost with them"
    )
