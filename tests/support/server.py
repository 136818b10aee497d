"""A real `alonzo up` in a process of its own, and what tests do with it."""

import io
import os
import re
import selectors
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

ALONZO = str(Path(sys.executable).parent / "alonzo")
ROLE = "arn:aws:iam::000000000000:role/test"
_READY = re.compile(r"ready at (http://\S+)")
_START_SECONDS = 120.0
_STOP_SECONDS = 90.0
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


class Server:
    """Started by `start`; ended by `stop`, `kill` or leaving `with`."""

    def __init__(self, *, process: subprocess.Popen[str], data_directory: Path, endpoint_url: str, log_file: Path) -> None:
        self.process = process
        self.data_directory = data_directory
        self.endpoint_url = endpoint_url
        self.log_file = log_file
        self._own_clients: dict[str, Any] = {}

    @classmethod
    def start(
        cls, *options: str, data_directory: Path, environment: dict[str, str] | None = None, command: Sequence[str] = (ALONZO,)
    ) -> Self:
        """Start a server on a free port and wait until it is ready; RuntimeError with what it said if it does not get there.

        `command` starts `alonzo` in another way, as another user say.
        """
        data_directory.mkdir(parents=True, exist_ok=True)
        log_file = data_directory.parent / f"{data_directory.name}.log"
        with log_file.open("a") as log:
            process = subprocess.Popen(
                [*command, "up", "--port", "0", "--data-dir", str(data_directory), *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | (environment or {}),
            )
        line = _read_line(process, _START_SECONDS)
        match = _READY.search(line)
        if match is None:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
            raise RuntimeError(f"the server did not start: {line!r} {log_file.read_text()}")
        return cls(process=process, data_directory=data_directory, endpoint_url=match[1], log_file=log_file)

    def client(self, service: str, *, account: str = "test", region: str = "us-east-1", **config: Any) -> Any:
        """An unmodified boto3 client of this server; `account` is the access key. Errors are not retried unless `config` says so."""
        settings = {"retries": {"total_max_attempts": 1}, "read_timeout": 120, "max_pool_connections": 64} | config
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            region_name=region,
            config=Config(**settings),
        )

    def own_client(self, service: str) -> Any:
        """The client that helpers share: making one takes the processor longer than most requests do."""
        client = self._own_clients.get(service)
        if client is None:
            client = self._own_clients[service] = self.client(service)
        return client

    def environment(self) -> dict[str, str]:
        """The environment in which the AWS CLI and `alonzo` find this server."""
        return os.environ | _CREDENTIALS | {"AWS_ENDPOINT_URL": self.endpoint_url, "ALONZO_ENDPOINT_URL": self.endpoint_url}

    def deploy(self, name: str, source: str, **configuration: Any) -> str:
        """Create a Python function `app.handler` of one file and wait until it is active; its name.

        It has more time than the three seconds of AWS's default, for which a busy machine may stall.
        """
        settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, "Timeout": 30} | configuration
        self.own_client("lambda").create_function(FunctionName=name, Code={"ZipFile": zip_of({"app.py": source})}, **settings)
        self.wait_until_settled(name)
        return name

    def wait_until_settled(self, name: str) -> None:
        """Wait until a function is active and its last update is over, with boto3's own waiters."""
        for waiter in ("function_active_v2", "function_updated_v2"):
            self.own_client("lambda").get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 1_200})

    def kill(self) -> None:
        """kill -9 of the node alone."""
        self.process.send_signal(signal.SIGKILL)
        self._collect()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._collect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _collect(self) -> int:
        try:
            status = self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()
        return status


def zip_of(files: dict[str, str | bytes]) -> bytes:
    """A zip archive of these files, all of them executable."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _read_line(process: subprocess.Popen[str], timeout_seconds: float) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + timeout_seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if selector.select(deadline - time.monotonic()):
            return process.stdout.readline()
    return ""
