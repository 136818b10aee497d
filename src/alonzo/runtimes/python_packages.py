"""What functions find at /var/runtime: AWS's runtime interface client, boto3, and the guest code, in one directory.

The packages are those of Alonzo's own installation, linked into a directory of the user's so that each interpreter version can keep its
compiled modules beside them: without these, `import boto3` costs half a second in every environment whose Python is not the node's.
"""

import asyncio
import hashlib
import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import alonzo
from alonzo.errors import SetupError
from alonzo.runtimes.interpreters import PythonInterpreter

_DISTRIBUTIONS = (
    *("awslambdaric", "simplejson", "snapshot-restore-py"),
    *("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six"),
)
"""awslambdaric and boto3, with all that they require."""

PRELOADED_MODULES = (
    *("awslambdaric.bootstrap", "awslambdaric.lambda_literals", "awslambdaric.lambda_runtime_client"),
    *("logging", "json", "datetime", "decimal", "random", "uuid"),
    *(
        "encodings.ascii",
        "encodings.latin_1",
        "base64",
        "hashlib",
        "http.client",
        "urllib.request",
        "collections.abc",
        "concurrent.futures",
        "threading",
        "tempfile",
    ),
)
"""Imported once in the zygote: what the client needs and what handlers import most, so that neither is part of a cold start."""


_CLIENTS = ("nodejs", "ruby", "dotnet")
"""Directories of the guest with what runs functions of other languages."""

_COMPILE = """
import compileall, os, sys
os.nice(19)
if hasattr(os, "SCHED_IDLE"):
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
compileall.compile_dir(sys.argv[1], quiet=2)
"""


async def prepare_packages(directory: Path) -> Path:
    """The packages, below `directory`: made unless those of this very installation are there. Takes 0.2 s the first time."""
    return await asyncio.to_thread(_prepare, directory)


async def compile_packages(packages: Path, interpreter: PythonInterpreter) -> None:
    """Compile the packages for one interpreter, when nothing else wants the CPU. Some seconds the first time; safe to cancel.

    For the version of Alonzo's own interpreter there is little to do: pip has compiled them, and what it made is linked, too.
    """
    marker = packages / f".compiled-{interpreter.version_text}"
    if marker.exists():
        return
    process = await asyncio.create_subprocess_exec(
        *(str(interpreter.executable), "-I", "-S", "-c", _COMPILE, str(packages)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    # Also after errors: a file that this version cannot read stays uncompiled, whatever is tried.
    marker.touch()


def _prepare(directory: Path) -> Path:
    files = dict(_iter_files())
    target = directory / _digest(files)
    if target.is_dir():
        return target
    directory.mkdir(parents=True, exist_ok=True)
    draft = directory / f".draft-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    _link(files, draft)
    (draft / "node_modules").mkdir()  # where sandboxes show packages for Node.js, if there are any
    try:
        draft.rename(target)
    except OSError:
        # Another node was faster: the same files.
        shutil.rmtree(draft)
    return target


def _iter_files() -> Iterator[tuple[str, Path]]:
    for name in _DISTRIBUTIONS:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError as error:
            raise SetupError(f"the Python package {name} is missing; install Alonzo again with pip") from error
        for file in distribution.files or ():
            if file.parts[0] != ".." and not file.parts[0].endswith(".dist-info") and not file.name.startswith("runtime_client."):
                yield str(file), Path(str(file.locate()))
    own = Path(alonzo.__file__).parent
    yield "alonzo/__init__.py", own / "__init__.py"
    for path in sorted((own / "guest").glob("*.py")):
        yield f"alonzo/guest/{path.name}", path
    for language in _CLIENTS:
        for path in sorted((own / "guest" / language).iterdir()):
            yield f"alonzo/guest/{language}/{path.name}", path


def _digest(files: dict[str, Path]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for relative, source in files.items():
        status = source.stat()
        digest.update(f"{relative}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _link(files: dict[str, Path], target: Path) -> None:
    """Each directory is made once, and files are named by strings: these thousands are a good part of the first start."""
    parents = {relative.rpartition("/")[0] for relative in files}
    for directory in sorted({target / outer for parent in parents for outer in (Path(parent), *Path(parent).parents)}):
        directory.mkdir()
    for relative, source in files.items():
        copy = f"{target}/{relative}"
        try:
            os.link(source, copy)
        except OSError:
            # Another file system, or one without hard links.
            shutil.copyfile(source, copy)
