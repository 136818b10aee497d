import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.images import digest_of_name
from tests.support.server import zip_of

from alonzo.clock import ManualClock
from alonzo.functions.activation import Activate, Activations
from alonzo.functions.aliases import Aliases
from alonzo.functions.code.directories import CodeDirectories
from alonzo.functions.code.keeping import CodeKeeping
from alonzo.functions.configuration import ConfigurationChange
from alonzo.functions.deletion import FunctionDeletion
from alonzo.functions.layers.layers import Layers
from alonzo.functions.publication import finish_publications
from alonzo.functions.registry import Functions, NewFunction
from alonzo.functions.turns import Turns
from alonzo.model.alias import Alias
from alonzo.model.function import FunctionVersion
from alonzo.model.layer import LayerCounter, LayerVersion
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.store.blobs import BlobStore
from alonzo.store.connection import Connection, connect
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer

SCOPE = Scope("111111111111", "us-east-1")
ROLE = "arn:aws:iam::111111111111:role/lambda-role"


def a_zip(entries: dict[str, bytes | str] | None = None) -> bytes:
    return zip_of(entries or {"index.py": "def handler(event, context): return event\n"})


async def ready_at_once(version: FunctionVersion) -> None:
    """What most tests have done to activate a version: nothing."""


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The registry over a real store."""

    records: RecordTable[FunctionVersion]
    layer_versions: RecordTable[LayerVersion]
    blobs: BlobStore
    code_directories: CodeDirectories
    functions: Functions
    layers: Layers
    aliases: Aliases
    clock: ManualClock

    @property
    def keeping(self) -> CodeKeeping:
        return CodeKeeping(
            functions=self.records, layers=self.layer_versions, directories=self.code_directories, blobs=self.blobs, clock=self.clock
        )

    @property
    def deletion(self) -> FunctionDeletion:
        return FunctionDeletion(functions=self.functions, aliases=self.aliases, dependents=())

    async def create(self, name: str = "f", *, code: bytes | None = None, publish: bool = False, **configuration: Any) -> FunctionVersion:
        settings = {"runtime": "python3.12", "handler": "index.handler", "role": ROLE} | configuration
        return await self.functions.create(
            NewFunction(
                reference=FunctionReference(SCOPE, name),
                code=a_zip() if code is None else code,
                configuration=ConfigurationChange(**settings),
                publish=publish,
            )
        )

    async def create_active(self, name: str = "f", **parameters: Any) -> FunctionVersion:
        await self.create(name, **parameters)
        return await self.settled(name)

    async def settled(self, name: str = "f") -> FunctionVersion:
        """`$LATEST`, as soon as no version of the function waits for its activation."""
        is_settled = asyncio.Event()

        def look(*_: object) -> None:
            versions = list(self.functions.iter_versions(SCOPE, name))
            if versions and not any(version.awaits_activation for version in versions):
                is_settled.set()

        unsubscribe = self.functions.subscribe(look)
        try:
            look()
            await is_settled.wait()
        finally:
            unsubscribe()
        return self.functions.get_version(FunctionReference(SCOPE, name))

    @asynccontextmanager
    async def activating(self, activate: Activate = ready_at_once) -> AsyncIterator[None]:
        activations = Activations(records=self.records, code_directories=self.code_directories, activate=activate)
        async with asyncio.TaskGroup() as components:
            component = components.create_task(activations.run())
            try:
                yield
            finally:
                component.cancel()


async def open_layers(
    connection: Connection, versions: RecordTable[LayerVersion], directories: CodeDirectories, clock: ManualClock
) -> Layers:
    """Nobody may use layers of others."""
    return Layers(
        counters=await RecordTable.open(connection, name="layer-counters", record_type=LayerCounter),
        versions=versions,
        code_directories=directories,
        may_use=lambda caller, reference: False,
        clock=clock,
    )


OpenControlPlane = Callable[[], Any]


@pytest.fixture
def open_control_plane(tmp_path: Path) -> OpenControlPlane:
    """Opens the registry over the data of this test; opening it again is a restart."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[ControlPlane]:
        async with AsyncExitStack() as stack:
            nats = await stack.enter_async_context(await EmbeddedServer.start(data_directory=tmp_path))
            connection = await stack.enter_async_context(await connect(nats.url))
            records = await RecordTable.open(connection, name="functions", record_type=FunctionVersion)
            blobs = await BlobStore.open(connection, name="code")
            directories = await CodeDirectories.open(root=tmp_path / "code", blobs=blobs)
            clock = ManualClock()
            layer_versions = await RecordTable.open(connection, name="layers", record_type=LayerVersion)
            layers = await open_layers(connection, layer_versions, directories, clock)
            functions = Functions(
                records=records,
                code_directories=directories,
                resolve_image=digest_of_name,
                layers=layers,
                turns=Turns(),
                takes_blocked_runtimes=False,
                clock=clock,
            )
            await finish_publications(records)
            aliases = Aliases(records=await RecordTable.open(connection, name="aliases", record_type=Alias), functions=functions)
            yield ControlPlane(records, layer_versions, blobs, directories, functions, layers, aliases, clock)

    return open_


@pytest.fixture(name="a_zip")
def a_zip_fixture() -> Callable[..., bytes]:
    """Builds an archive of names and contents."""
    return a_zip
