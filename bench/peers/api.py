"""A peer that speaks Lambda's API, as boto3 sees it: with functions of the bench's own."""

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from tests.support.server import ROLE, zip_of

from bench.peers.install import install
from bench.peers.peer import Peer, started_peer
from bench.running_platform import RUNTIME, temporary_directory


class ApiPeer:
    """A running one."""

    def __init__(self, peer: Peer, address: tuple[str, int]) -> None:
        self.name = peer.name
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


@contextlib.contextmanager
def started_api_peer(peer: Peer) -> Iterator[ApiPeer]:
    """Installed if need be; ended and removed at the end."""
    home = install(peer)
    with temporary_directory() as directory, started_peer(peer, home, directory / peer.name) as running:
        yield ApiPeer(peer, running.address)
