"""What a node finds on its host to run functions with, whoever else may be using the data directory."""

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from alonzo.errors import SetupError
from alonzo.node.configuration import Configuration
from alonzo.runtimes.discovery import SearchPlaces, discover_interpreters
from alonzo.runtimes.interpreters import PythonInterpreter
from alonzo.runtimes.python_packages import prepare_packages
from alonzo.runtimes.searching import client_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Made by `find_programs`. `packages`: the directory that Python functions find at /var/runtime."""

    interpreters: tuple[PythonInterpreter, ...]
    places: SearchPlaces
    """Where programs of other languages are looked for, when a function needs one."""
    packages: Path


async def find_programs(configuration: Configuration) -> Programs:
    """Ask every interpreter what it is, and lay out the packages: half a second at a user's first start, little later. SetupError."""
    data = configuration.data_directory
    path = tuple(Path(directory) for directory in os.environ.get("PATH", "").split(os.pathsep) if directory)
    places = SearchPlaces(path=path, home=Path.home(), own_executable=Path(sys.executable), node_modules=configuration.node_modules)
    try:
        data.mkdir(parents=True, exist_ok=True)
        async with asyncio.TaskGroup() as group:
            interpreters = group.create_task(discover_interpreters(places, cache_file=_cache_directory(data) / "interpreters.json"))
            packages = group.create_task(prepare_packages(_cache_directory(data) / "runtimes"))
    except* OSError as errors:
        raise SetupError(f"the data directory {data} cannot be used: {errors.exceptions[0]}") from errors
    return Programs(interpreters=interpreters.result(), places=places, packages=packages.result())


def _cache_directory(data: Path) -> Path:
    """What is known of the machine serves all data directories of a user, if nobody else can have written it."""
    shared = client_cache()
    with contextlib.suppress(OSError):
        shared.mkdir(parents=True, exist_ok=True)
        if shared.stat().st_uid == os.geteuid() and os.access(shared, os.W_OK):
            return shared
    return data
