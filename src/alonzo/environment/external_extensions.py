"""Which external extensions a function's layers bring, and what these see of its environment variables.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html, "Permissions and configuration"; AWS's runtime interface
emulator leaves out what begins with an underscore, too (`lambda/rapidcore/env`).
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from alonzo.environment.extension_host import ExternalExtensions

_DIRECTORY = "extensions"
_HIDDEN = frozenset(
    {
        *("AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING"),
        *("AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT"),
    }
)


async def find_external_extensions(layers: Path, *, place: str, variables: Mapping[str, str]) -> ExternalExtensions | None:
    """Those in a tree of layers, in the order of their names; None if there are none.

    `place`: where the sandbox sees the tree; `variables`: what the function sees.
    """
    names = await asyncio.to_thread(_list_files, layers / _DIRECTORY)
    if not names:
        return None
    seen = {name: value for name, value in variables.items() if name not in _HIDDEN and not name.startswith("_")}
    return ExternalExtensions(paths=tuple(f"{place}/{_DIRECTORY}/{name}" for name in names), variables=seen)


def _list_files(directory: Path) -> list[str]:
    """Whatever is no directory counts: AWS fails to start what cannot be executed, and so the function."""
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []
