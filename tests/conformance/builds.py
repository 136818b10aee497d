"""Packages made of the sources in `handlers/`: copied, or built with the tools of the machine. What compiles long keeps its cache."""

import asyncio
import io
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.support.toolchains import require_tool

from alonzo.runtimes.java_client import default_cache, ensure_java_client

Files = dict[str, str | bytes]
"""The contents of a package by path."""


def copy_files(sources: Path, _: Path) -> Files:
    """The files as they are, without the layer's and what Python makes of them."""
    paths = (path for path in sources.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(sources)): path.read_bytes() for path in paths if path.relative_to(sources).parts[0] != "layer"}


def copy_scripts(suffix: str, *others: str) -> Callable[[Path, Path], Files]:
    """The files with this suffix, and these others."""

    def build(sources: Path, _: Path) -> Files:
        return {path.name: path.read_bytes() for path in sources.iterdir() if path.suffix == suffix or path.name in others}

    return build


def compile_java(sources: Path, directory: Path) -> Files:
    """The classes, compiled against the interfaces of aws-lambda-java-core; the layer's are there when they run."""
    asyncio.run(ensure_java_client(directory / "jars", cache=default_cache()))
    core = next((directory / "jars").glob("aws-lambda-java-core-*.jar"))
    classes, layer = directory / "classes", directory / "layer"
    _javac([core], sources / "layer", layer)
    _javac([core, layer], sources / "app", classes)
    return {str(path.relative_to(classes)): path.read_bytes() for path in classes.rglob("*.class")}


def compile_java_layer(sources: Path, directory: Path) -> Files:
    """A jar where the class path looks for those of layers."""
    classes = directory / "layer-classes"
    _javac([], sources, classes)
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        for path in classes.rglob("*.class"):
            archive.write(path, path.relative_to(classes))
    return {"java/lib/layered.jar": jar.getvalue()}


def compile_go(sources: Path, directory: Path) -> Files:
    """One program with all handlers in it."""
    program = directory / "bootstrap"
    command = [require_tool("go"), "build", "-tags", "lambda.norpc", "-o", str(program), "."]
    subprocess.run(command, cwd=sources, env=os.environ | {"CGO_ENABLED": "0"}, check=True)
    return {"bootstrap": program.read_bytes()}


def compile_rust(sources: Path, _: Path) -> Files:
    """One program with all handlers in it. Its dependencies compile for a minute, so what is compiled is kept in the user's cache."""
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "alonzo" / "cargo"
    command = [require_tool("cargo"), "build", "--locked", "--quiet", "--target-dir", str(directory)]
    subprocess.run(command, cwd=sources, check=True)
    return {"bootstrap": (directory / "debug" / "conformance").read_bytes()}


def _javac(class_path: list[Path], sources: Path, classes: Path) -> None:
    options = ["-cp", os.pathsep.join(map(str, class_path))] if class_path else []
    files = [str(path) for path in sources.rglob("*.java")]
    subprocess.run([require_tool("javac"), *options, "--release", "11", "-d", str(classes), *files], check=True)
