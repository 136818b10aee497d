"""Cold starts of a function that imports pandas, with SnapStart and without, in turns."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alonzo.runtimes.catalog import find_runtime
from alonzo.runtimes.discovery import SearchPlaces, discover_interpreters
from alonzo.runtimes.interpreters import PythonInterpreter, choose_interpreter
from bench.figures import Figure, Limit, percentile
from bench.limits import fork_seconds
from bench.running_platform import Platform, started_platform, temporary_directory
from bench.settings import BenchSettings

_RUNTIME = "python3.12"
"""The oldest that AWS offers SnapStart for."""
_PACKAGES = ("pandas>=3.0,<4",)
_LEFT_OUT = frozenset(("tests", "__pycache__", "include"))
_MODULE = "pandas"
_HANDLER = f"import {_MODULE}\n\ndef handler(event, context):\n    return 1\n"
_TIME_OF_IMPORT = f"import time; started_at = time.perf_counter(); import {_MODULE}; print(time.perf_counter() - started_at)"


@dataclass(frozen=True, slots=True)
class _Measured:
    restored: list[float]
    initialized: list[float]
    imports: list[float]
    forks: list[float]


def measure_snap_start(settings: BenchSettings) -> Iterator[Figure]:
    """Nothing, where there is no Python that AWS offers SnapStart for."""
    interpreter = asyncio.run(_find_interpreter())
    if interpreter is None:
        return
    with temporary_directory() as packages, started_platform() as platform:
        _install(packages, interpreter)
        measured = _measure(platform, packages, interpreter, count=max(settings.cold_start_count // 10, 3))
    yield Figure(
        row=f"cold start, handler that imports {_MODULE}, without SnapStart: p50",
        value=percentile(measured.initialized, 50) * 1e3,
        unit="ms",
        limit=Limit(percentile(measured.imports, 50) * 1e3, f"import {_MODULE} alone, in a bare interpreter"),
        note=f"{len(measured.initialized)} cold starts; Python {interpreter.version_text}",
    )
    yield Figure(
        row=f"cold start, handler that imports {_MODULE}, with SnapStart: p50",
        value=percentile(measured.restored, 50) * 1e3,
        unit="ms",
        limit=Limit(percentile(measured.forks, 50) * 1e3, "fork, exit, wait of a small process"),
        note=f"{len(measured.restored)} cold starts, each of another version; slowest {max(measured.restored) * 1e3:.0f} ms",
    )


async def _find_interpreter() -> PythonInterpreter | None:
    path = tuple(Path(directory) for directory in os.environ.get("PATH", "").split(os.pathsep) if directory)
    places = SearchPlaces(path=path, home=Path.home(), own_executable=Path(sys.executable))
    with temporary_directory() as directory:
        interpreters = await discover_interpreters(places, cache_file=directory / "interpreters.json")
    runtime = find_runtime(_RUNTIME)
    assert runtime is not None
    chosen = choose_interpreter(runtime, interpreters, strict=False).interpreter if interpreters else None
    return chosen if chosen is not None and chosen.feature_version >= (3, 11) else None


def _install(packages: Path, interpreter: PythonInterpreter) -> None:
    """As one builds a deployment package: wheels for the interpreter that runs the function."""
    version = ".".join(map(str, interpreter.feature_version))
    options = ("--quiet", "--target", str(packages), "--only-binary=:all:", "--python-version", version)
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *_PACKAGES], check=True, stderr=subprocess.DEVNULL)


def _measure(platform: Platform, packages: Path, interpreter: PythonInterpreter, *, count: int) -> _Measured:
    files: dict[str, str | bytes] = {"app.py": _HANDLER}
    for path in packages.rglob("*"):
        relative = path.relative_to(packages)
        if path.is_file() and not _LEFT_OUT & set(relative.parts):
            files[str(relative)] = path.read_bytes()
    name = platform.deploy_files(
        _MODULE, files, Runtime=_RUNTIME, Handler="app.handler", MemorySize=1024, SnapStart={"ApplyOn": "PublishedVersions"}
    )
    measured = _Measured([], [], [], [])
    for number in range(count):
        version = platform.publish(name, description=str(number))  # which ends the environments of $LATEST
        measured.imports.append(_import_seconds(packages, interpreter))
        measured.forks.extend(fork_seconds(5))
        measured.restored.append(_invoke_in_quiet(platform, f"{name}:{version}"))
        measured.initialized.append(_invoke_in_quiet(platform, name))
    return measured


def _invoke_in_quiet(platform: Platform, name: str) -> float:
    platform.wait_until_quiet()
    with platform.connect() as connection:
        return connection.invoke(name)[0]


def _import_seconds(packages: Path, interpreter: PythonInterpreter) -> float:
    """The first import of a process: files in the page cache, modules compiled before."""
    environment = {"PYTHONPATH": str(packages), "PATH": os.defpath}
    command = [str(interpreter.executable), "-c", _TIME_OF_IMPORT]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
