"""Layers with external extensions."""

from pathlib import Path

from tests.support.server import Server, zip_of
from tests.support.toolchains import completed, require_tool

PROGRAM = (Path(__file__).parent / "extension_program.py").read_text()
"""See there for what the variable EXTENSION_DOES makes it do."""

_GO = Path(__file__).parent / "go_extension"

HANDLER = "def handler(event, context):\n    print('handled', event)\n    return event\n"


def build_go_extension(directory: Path) -> bytes:
    """The program in Go: it prints its events, and what it is sent at TELEMETRY_PORT. `directory`: to build in."""
    program = directory / "extension"
    completed([require_tool("go"), "build", "-o", program, "."], directory=_GO, environment={"CGO_ENABLED": "0"})
    return program.read_bytes()


def publish_extensions(server: Server, layer: str, **programs: str | bytes) -> str:
    """A layer with these executables in /opt/extensions; its ARN."""
    return publish_files(server, layer, {f"extensions/{name}": program for name, program in programs.items()})


def publish_files(server: Server, layer: str, files: dict[str, str | bytes], archive: bytes | None = None) -> str:
    answer = server.client("lambda").publish_layer_version(LayerName=layer, Content={"ZipFile": archive or zip_of(files)})
    arn: str = answer["LayerVersionArn"]
    return arn
