"""The reference page of Lambda's operations: which there are, and which tests call them. `python -m tests.support.operations_page`.

The operations are those of the real tables, opened on an empty store. That a test module calls one is read from its source: it names
the method of the client (`create_alias`), or the command of the AWS CLI (`create-alias`).
"""

import ast
import asyncio
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from botocore import xform_name
from tests.support.images import digest_of_name

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.client.endpoints import AwsEndpoints
from alonzo.aws.service_model import ServiceModels
from alonzo.clock import SystemClock
from alonzo.edge.lambda_api.code_links import CodeLinks
from alonzo.node.control_plane import open_control_plane
from alonzo.store.connection import connect
from alonzo.store.server import EmbeddedServer

_TESTS = Path(__file__).parents[1]
_TESTED_THROUGH_THE_API = ("parity", "process", "security", "crash")
_MODULES_SHOWN = 4
_LITERAL_CHARACTERS_MIN = 10
_OWN_ENDPOINTS = frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"})
"""Operations that are answered beside the table of the control plane: see `edge/invoke_endpoint.py`, `edge/stream_endpoint.py` and
`edge/lambda_api/invoke_async_operations.py`."""

_INTRODUCTION = """\
# Operations

<!-- Written by `make docs` from the tables of operations and the tests; change them there. -->

The {count} operations of AWS Lambda's API, as botocore knows them: {working} work. The others answer `NotImplementedException`.
"""


async def render_page() -> str:
    """The page in Markdown."""
    working = await _find_operations()
    every = sorted(ServiceModels().get("lambda").operations)
    modules = _find_callers(every)
    lines = [_INTRODUCTION.format(count=len(every), working=sum(name in working for name in every))]
    lines += ["| operation | works | tested by |", "|---|---|---|"]
    for name in every:
        paths = modules.get(name, ())
        links = ", ".join(f"[{path.stem.removeprefix('test_')}](../tests/{path})" for path in paths[:_MODULES_SHOWN])
        if len(paths) > _MODULES_SHOWN:
            links += ", …"
        lines.append(f"| {name} | {'yes' if name in working else 'no'} | {links if name in working else ''} |")
    return "\n".join([*lines, ""])


async def find_missing() -> list[str]:
    """Operations that do not work."""
    return sorted(set(ServiceModels().get("lambda").operations) - await _find_operations())


async def find_untested() -> list[str]:
    """Operations that work, as far as no test shows."""
    working = await _find_operations()
    return sorted(working - _find_callers(sorted(working)).keys())


async def _find_operations() -> frozenset[str]:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as directory:
        async with await EmbeddedServer.start(data_directory=Path(directory)) as server, await connect(server.url) as connection:
            control = await open_control_plane(
                connection=connection,
                data_directory=Path(directory),
                code_links=CodeLinks(key=b"", clock=clock),
                services=AwsClients(endpoints=AwsEndpoints()),
                resolve_image=digest_of_name,
                clock=clock,
            )
            return _OWN_ENDPOINTS | frozenset(control.operations)


def _find_callers(operations: list[str]) -> Mapping[str, tuple[Path, ...]]:
    """Test modules by operation, as paths below `tests`."""
    words = {operation: {xform_name(operation), xform_name(operation, "-")} for operation in operations}
    found: dict[str, list[Path]] = {}
    for path in (path for kind in _TESTED_THROUGH_THE_API for path in sorted((_TESTS / kind).rglob("test_*.py"))):
        module = ast.parse(path.read_text())
        used, patterns = set(_iter_words(module)), list(_iter_patterns(module))
        for operation, names in words.items():
            if names & used or any(pattern.fullmatch(name) for pattern in patterns for name in names):
                found.setdefault(operation, []).append(path.relative_to(_TESTS))
    return {operation: tuple(paths) for operation, paths in found.items()}


def _iter_words(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _iter_patterns(module: ast.Module) -> Iterator[re.Pattern[str]]:
    """Names that are put together: `f"send_durable_execution_callback_{outcome}"`."""
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            if sum(len(part) for part in parts if isinstance(part, str)) >= _LITERAL_CHARACTERS_MIN:
                yield re.compile("".join(re.escape(part) if isinstance(part, str) else "[a-z_-]+" for part in parts))


if __name__ == "__main__":
    print(asyncio.run(render_page()), end="")
