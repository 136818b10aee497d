"""What the security tests share: one server a kind of sandbox for all of them, and hostile functions to send there."""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.security.unprivileged import start_unprivileged
from tests.support.invoking import Answer, invoke
from tests.support.server import ROLE, Server, zip_of

_HOSTILE = Path(__file__).parent / "hostile"
NODE_SECRET = "the-nodes-own-secret"

Attack = Callable[..., Answer]


@pytest.fixture(scope="session")
def hostile_package() -> bytes:
    """All hostile functions, in one code package."""
    return zip_of({path.name: path.read_text() for path in sorted(_HOSTILE.glob("*.py"))})


@pytest.fixture(scope="session")
def host_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Sandboxes in the host's network: the default."""
    yield from _server(tmp_path_factory, "host")


@pytest.fixture(scope="session")
def own_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Sandboxes with a network of their own each."""
    yield from _server(tmp_path_factory, "isolated", "--network", "isolated")


@pytest.fixture(scope="session")
def unisolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """No sandboxes at all."""
    yield from _server(tmp_path_factory, "process", "--isolation", "process")


@pytest.fixture(scope="session")
def rootless() -> Iterator[Server]:
    """Sandboxes that an unprivileged user has built."""
    with tempfile.TemporaryDirectory(prefix="alonzo-rootless-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        directory.chmod(0o755)
        with start_unprivileged(directory) as server:
            yield server


@pytest.fixture(params=["host_network", "own_network", "rootless"])
def node(request: pytest.FixtureRequest) -> Server:
    """Each kind of isolated sandbox in turn."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def attack(hostile_package: bytes) -> Attack:
    """Deploys a hostile function (`attack(server, "files.read", event)`) and invokes it once."""

    def run(server: Server, handler: str, event: Any = None, **configuration: Any) -> Answer:
        return invoke(server, deploy_hostile(server, hostile_package, handler, **configuration), event)

    return run


@pytest.fixture
def deploy(hostile_package: bytes) -> Callable[..., str]:
    """Deploys a hostile function and returns its name."""

    def run(server: Server, handler: str, **configuration: Any) -> str:
        return deploy_hostile(server, hostile_package, handler, **configuration)

    return run


def deploy_hostile(server: Server, package: bytes, handler: str, **configuration: Any) -> str:
    name = f"{handler.replace('.', '-')}-{uuid.uuid4().hex[:6]}"
    settings = {"Runtime": "python3.11", "Role": ROLE, "Timeout": 20, "MemorySize": 256} | configuration
    server.client("lambda").create_function(FunctionName=name, Handler=handler, Code={"ZipFile": package}, **settings)
    server.wait_until_settled(name)
    return name


def _server(paths: pytest.TempPathFactory, name: str, *options: str) -> Iterator[Server]:
    with Server.start(*options, data_directory=paths.mktemp(name) / "data", environment={"ALONZO_TEST_SECRET": NODE_SECRET}) as server:
        yield server
