"""The server that is measured: started as users start it, with a data directory that goes with it."""

import contextlib
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from tests.support.queues import read_queue
from tests.support.server import ALONZO, ROLE, Server, zip_of

from bench.http_messages import parse_response, signed_request
from bench.processes import PlatformProcesses, read_cpu_seconds, read_processes, sort_platform

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""The interpreter that runs the bench also runs the functions: the limits are then measured with the same one."""

_QUIET_CPU_SHARE = 0.02
_QUIET_WINDOW_SECONDS = 0.1
_QUIET_TIMEOUT_SECONDS = 60.0
_ANSWER_TIMEOUT_SECONDS = 60.0
_LOG_TAIL_CHARACTERS = 2000
_RECEIVE_BYTES = 1 << 16
_MEMORY_READ_EVERY = 20


class NotQuiet(RuntimeError):
    """The platform went on working though nobody asked anything of it."""


@contextlib.contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory on a disk: /tmp is memory on many machines, where writing through costs nothing."""
    path = Path(tempfile.mkdtemp(prefix="alonzo-bench-", dir="/var/tmp"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Streamed:
    """What came of a stream; `peak_mb`: the most memory that the node was seen to have meanwhile."""

    byte_count: int
    peak_mb: float


class Platform:
    """A running server with one client of its API. Made by `started_platform`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client = server.client("lambda")

    @property
    def address(self) -> tuple[str, int]:
        """Where it serves."""
        url = urlsplit(self._server.endpoint_url)
        assert url.hostname is not None
        assert url.port is not None
        return url.hostname, url.port

    def deploy(self, name: str, source: str, **configuration: Any) -> str:
        """Create a function `app.handler` and wait until it is active; its name."""
        return self.deploy_files(name, {"app.py": source}, **{"Runtime": RUNTIME, "Handler": "app.handler"} | configuration)

    def deploy_files(self, name: str, files: dict[str, str | bytes], **configuration: Any) -> str:
        """Create a function of these files and wait until it is active; its name."""
        settings = {"Role": ROLE, "Timeout": 60} | configuration
        self._client.create_function(FunctionName=name, Code={"ZipFile": zip_of(files)}, **settings)
        self._client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 1000})
        return name

    def public_url(self, name: str) -> str:
        """Give a function a URL that anybody may call."""
        url: str = self._client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
        statement = {"StatementId": "public", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"}
        self._client.add_permission(FunctionName=name, **statement)
        return url

    def http_api(self, name: str) -> str:
        """Give a function an HTTP API with the route `GET /pets/{id}`; the host that requests for it name."""
        function_arn = self._client.get_function_configuration(FunctionName=name)["FunctionArn"]
        statement = {"StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
        self._client.add_permission(FunctionName=name, **statement)
        client = self._server.client("apigatewayv2")
        api = client.create_api(Name=name, ProtocolType="HTTP")
        integration = client.create_integration(
            ApiId=api["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=function_arn, PayloadFormatVersion="2.0"
        )
        target = f"integrations/{integration['IntegrationId']}"
        client.create_route(ApiId=api["ApiId"], RouteKey="GET /pets/{id}", Target=target)
        client.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
        host: str = api["ApiEndpoint"].removeprefix("http://")
        return host

    def publish(self, name: str, *, description: str) -> str:
        """Change a function, publish it and wait until the version is active; the version."""
        self._client.update_function_configuration(FunctionName=name, Description=description)
        for waiter in ("function_active_v2", "function_updated_v2"):
            self._client.get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 0.02, "MaxAttempts": 1000})
        version: str = self._client.publish_version(FunctionName=name)["Version"]
        waiter = self._client.get_waiter("published_version_active")
        waiter.wait(FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 0.1, "MaxAttempts": 1000})
        return version

    @property
    def client(self) -> Any:
        """A boto3 client of it."""
        return self._client

    def service(self, name: str) -> Any:
        """A boto3 client of another service, as the platform has it."""
        return self._server.client(name)

    def read_queue(self, name: str) -> dict[str, Any]:
        """The figures of a function's event queue; empty when nothing is known of it."""
        return read_queue(self._server, name)

    def reserve(self, name: str, count: int) -> None:
        """Let no more than so many invocations of a function run at once."""
        self._client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)

    def stream(self, name: str, event: str) -> "Streamed":
        """Invoke a function that streams, and read to the end."""
        answer = self._client.invoke_with_response_stream(FunctionName=name, Payload=event)
        byte_count, peak_mb = 0, 0.0
        for number, part in enumerate(answer["EventStream"]):
            byte_count += len(part.get("PayloadChunk", {}).get("Payload", b""))
            if number % _MEMORY_READ_EVERY == 0:
                peak_mb = max(peak_mb, self.node_memory_mb())
        return Streamed(byte_count, peak_mb)

    def node_memory_mb(self) -> float:
        """Resident memory of the node's own process."""
        return float(psutil.Process(self._server.process.pid).memory_info().rss) / 1e6

    def processes(self) -> PlatformProcesses:
        """What runs now."""
        return sort_platform(read_processes(), self._server.process.pid)

    def wait_until_quiet(self, *, sandbox_count: int = 1) -> PlatformProcesses:
        """Return when nothing of it works any more and at least so many sandboxes are there; raises NotQuiet.

        They are the environments and the spares, which deploying a function has made and each cold start has made again.
        """
        deadline = time.monotonic() + _QUIET_TIMEOUT_SECONDS
        used = 0.0
        while time.monotonic() < deadline:
            processes = self.processes()
            before = read_cpu_seconds(processes.every)
            time.sleep(_QUIET_WINDOW_SECONDS)
            used = read_cpu_seconds(processes.every) - before
            now = self.processes()
            if used < _QUIET_CPU_SHARE * _QUIET_WINDOW_SECONDS and now == processes and len(now.sandboxes) >= sandbox_count:
                return now
        raise NotQuiet(
            f"after {_QUIET_TIMEOUT_SECONDS:.0f} s the platform still uses {used / _QUIET_WINDOW_SECONDS:.0%} of a core "
            f"and has {len(self.processes().sandboxes)} of {sandbox_count} sandboxes; the end of its log:\n"
            f"{self._server.log_file.read_text()[-_LOG_TAIL_CHARACTERS:]}"
        )

    def connect(self) -> "PlatformConnection":
        """A connection of one client; close it."""
        return PlatformConnection(self.address)


class PlatformConnection:
    """One client that invokes, one invocation after the other, on a connection that stays."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket = socket.create_connection(address, _ANSWER_TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def invoke(self, function_name: str) -> tuple[float, bytes]:
        """Invoke once: seconds until the whole answer was there, and its body. RuntimeError when it is not a success."""
        request = signed_request(self._address, function_name, b"{}")
        started_at = time.perf_counter()
        self._socket.sendall(request)
        received = self._socket.recv(_RECEIVE_BYTES)
        while (response := parse_response(received)) is None:
            more = self._socket.recv(_RECEIVE_BYTES)
            if not more:
                raise RuntimeError(f"{function_name}: the connection was closed in the middle of an answer")
            received += more
        seconds = time.perf_counter() - started_at
        if not response.is_success:
            raise RuntimeError(f"{function_name}: {received.decode(errors='replace')}")
        return seconds, response.body

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> "PlatformConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def started_platform(*options: str, command: Sequence[str] = (ALONZO,)) -> Iterator[Platform]:
    """A new platform without functions, started with these options of `alonzo up`; ended and removed at the end.

    `command` starts `alonzo` in another way.
    """
    with temporary_directory() as directory, Server.start(*options, data_directory=directory / "data", command=command) as server:
        yield Platform(server)
