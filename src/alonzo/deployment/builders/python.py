"""Python: the sources, and beside them what pip installs of requirements.txt (or of the dependencies in pyproject.toml).

What is installed is chosen for the interpreter that runs the runtime on this machine: wheels with compiled code fit no other.
"""

import asyncio
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from alonzo.deployment.build_methods import BuildRequest
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.errors import SourceUnclear, ToolMissing
from alonzo.deployment.packages import PackagePart
from alonzo.runtimes.catalog import RuntimeFamily, find_runtime
from alonzo.runtimes.discovery import SearchPlaces, discover_interpreters
from alonzo.runtimes.interpreters import PythonInterpreter, choose_interpreter
from alonzo.runtimes.searching import client_cache

_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-compile")


def build_python(request: BuildRequest, workshop: Workshop) -> tuple[PackagePart, ...]:
    """See the module. `SourceUnclear`: a pyproject.toml that cannot be read."""
    prefix = "python/" if request.is_layer else ""
    sources = PackagePart(directory=request.directory, prefix=prefix)
    arguments, key = _requirements_of(request.directory)
    if not arguments:
        return (sources,)
    interpreter = _interpreter_for(request.runtime)
    version = ".".join(map(str, interpreter.feature_version))

    def install(draft: Path) -> None:
        command = [*_pip_of(interpreter), "--target", str(draft), *arguments]
        workshop.run(command, label=request.label, directory=request.directory)

    packages = workshop.installed("python", (version, str(interpreter.executable), *key), install)
    return PackagePart(directory=packages, prefix=prefix, is_settled=True), sources


def _requirements_of(directory: Path) -> tuple[list[str], tuple[str, ...]]:
    """pip's arguments, and what decides what they mean: all lists in the directory, since one may name another."""
    if (directory / "requirements.txt").is_file():
        lists = sorted(directory.glob("*requirements*.txt")) + sorted(directory.glob("constraints*.txt"))
        texts = tuple(path.read_text() for path in lists)
        if not any(
            line.strip() and not line.lstrip().startswith("#") for line in (directory / "requirements.txt").read_text().splitlines()
        ):
            return [], ()
        return ["--requirement", "requirements.txt"], texts
    dependencies = _dependencies_of(directory / "pyproject.toml")
    return dependencies, tuple(dependencies)


def _dependencies_of(project: Path) -> list[str]:
    if not project.is_file():
        return []
    try:
        table = tomllib.loads(project.read_text()).get("project", {})
        return [str(requirement) for requirement in table.get("dependencies", [])]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceUnclear(f"{project} cannot be read: {error}") from error


def _interpreter_for(runtime: str) -> PythonInterpreter:
    spec = find_runtime(runtime)
    if spec is None or spec.family is not RuntimeFamily.PYTHON:
        raise SourceUnclear(f"{runtime!r} is not a Python runtime; python3.12 is one, for example")
    places = SearchPlaces(
        path=tuple(Path(directory) for directory in os.environ.get("PATH", "").split(os.pathsep) if directory),
        home=Path.home(),
        own_executable=Path(sys.executable),
    )
    cache = client_cache()
    cache.mkdir(parents=True, exist_ok=True)
    interpreters = asyncio.run(discover_interpreters(places, cache_file=cache / "interpreters.json"))
    return choose_interpreter(spec, interpreters, strict=False).interpreter


def _pip_of(interpreter: PythonInterpreter) -> list[str]:
    """pip that installs for this interpreter: its own, else ours, told of its version (then only wheels can be installed)."""
    if _has_pip(str(interpreter.executable)):
        return [str(interpreter.executable), *_PIP]
    if not _has_pip(sys.executable):
        raise ToolMissing(f"requirements.txt needs pip, which {interpreter.executable} lacks; install it: {sys.executable} -m ensurepip")
    version = ".".join(map(str, interpreter.feature_version))
    return [sys.executable, *_PIP, "--python-version", version, "--only-binary", ":all:"]


def _has_pip(python: str) -> bool:
    return subprocess.run([python, "-c", "import pip"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0  # noqa: S603
