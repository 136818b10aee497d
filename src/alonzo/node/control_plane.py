"""The Lambda API's resources: their records opened, the domain over them, the operations on top. What runs functions is wired elsewhere."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alonzo.clock import Clock
from alonzo.edge.lambda_api.code_links import CodeLinks
from alonzo.edge.lambda_api.function_operations import FunctionOperations
from alonzo.edge.operations import OperationTable
from alonzo.functions.code_directories import CodeDirectories
from alonzo.functions.deletion import FunctionDeletion, FunctionDependent
from alonzo.functions.registry import Functions
from alonzo.model.function import FunctionVersion
from alonzo.store.blobs import BlobStore
from alonzo.store.connection import Connection
from alonzo.store.records import RecordTable

Component = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """Made by `open_control_plane`."""

    records: RecordTable[FunctionVersion]
    functions: Functions
    blobs: BlobStore
    code_directories: CodeDirectories
    code_links: CodeLinks
    operations: OperationTable
    """Of the service `lambda`."""
    followers: tuple[Component, ...]
    """What keeps the records up to date: to be run as long as they are used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    functions: RecordTable[FunctionVersion]


async def open_control_plane(*, connection: Connection, data_directory: Path, code_links: CodeLinks, clock: Clock) -> ControlPlane:
    """Open everything, tables at the same time. Errors: the store's."""
    tables = await _open_tables(connection)
    blobs = await BlobStore.open(connection, name="code")
    code_directories = await CodeDirectories.open(root=data_directory / "code", blobs=blobs)
    functions = Functions(records=tables.functions, code_directories=code_directories, clock=clock)
    dependents: tuple[FunctionDependent, ...] = ()
    deletion = FunctionDeletion(functions=functions, dependents=dependents)
    return ControlPlane(
        records=tables.functions,
        functions=functions,
        blobs=blobs,
        code_directories=code_directories,
        code_links=code_links,
        operations={
            **FunctionOperations(functions=functions, deletion=deletion, code_links=code_links).table(),
        },
        followers=(tables.functions.run,),
    )


async def _open_tables(connection: Connection) -> _Tables:
    async with asyncio.TaskGroup() as group:
        functions = group.create_task(RecordTable.open(connection, name="functions", record_type=FunctionVersion))
    return _Tables(functions=functions.result())
