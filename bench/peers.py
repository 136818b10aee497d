"""Another server of Lambda's API to measure beside: installed apart by `make peers`, left out when it is not there."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tests.support.server import ROLE, zip_of

from bench.running_platform import RUNTIME, temporary_directory

MINISTACK = Path(__file__).parents[1] / ".peers" / "ministack"
INSTALLING = "`make peers` installs it from PyPI into .peers/, apart from everything else"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.1


class Peer:
    """A running one. Made by `started_ministack`."""

    def __init__(self, *, name: str, address: tuple[str, int]) -> None:
        self.name = name
        self.address = address
        self.client: Any = boto3.client(
            "lambda",
            endpoint_url=f"http://{address[0]}:{address[1]}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
        )

    def deploy(self, name: str, source: str) -> str:
        """Create a function `app.handler` and wait until it is active; its name."""
        code = {"ZipFile": zip_of({"app.py": source})}
        self.client.create_function(FunctionName=name, Runtime=RUNTIME, Handler="app.handler", Role=ROLE, Timeout=60, Code=code)
        self.client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
        return name


def is_ministack_installed() -> bool:
    """Whether `started_ministack` can be used."""
    return (MINISTACK / "bin" / "ministack").exists()


@contextlib.contextmanager
def started_ministack() -> Iterator[Peer]:
    """MiniStack, that keeps its state and runs functions as processes of this machine; ended and removed at the end."""
    version = subprocess.run(
        [MINISTACK / "bin" / "python", "-c", "from importlib.metadata import version; print(version('ministack'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    with temporary_directory() as directory:
        address = ("127.0.0.1", _free_port())
        settings = {
            "GATEWAY_PORT": str(address[1]),
            "BIND_HOST": address[0],
            "PERSIST_STATE": "1",
            "STATE_DIR": str(directory / "state"),
            "LAMBDA_EXECUTOR": "local",
        }
        with (directory / "log").open("w") as log:
            process = subprocess.Popen([MINISTACK / "bin" / "ministack"], cwd=directory, env=os.environ | settings, stdout=log, stderr=log)
        try:
            peer = Peer(name=f"MiniStack {version}", address=address)
            _wait_until_ready(peer, process, directory / "log")
            yield peer
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(peer: Peer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(BotoCoreError, ClientError):
            peer.client.list_functions()
            return
        time.sleep(_POLL_SECONDS)
    raise RuntimeError(f"{peer.name} does not start: {log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
