"""The .NET of the machine, and AWS's runtime client for it."""

import asyncio
import os
import re
import shutil
from pathlib import Path

from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.programs import Program
from alonzo.runtimes.searching import ask_all, client_cache, iter_executables

_RUNTIME = re.compile(r"^Microsoft\.NETCore\.App (\d+)\.(\d+)\.(\d+)\S* ", re.MULTILINE)
"""A line of `dotnet --list-runtimes` (https://learn.microsoft.com/dotnet/core/tools/dotnet)."""

DOTNET_CLIENT = "Amazon.Lambda.RuntimeSupport.dll"
"""The program that loads class libraries. AWS has it in its runtimes (/var/runtime of public.ecr.aws/lambda/dotnet) and publishes it as a
library only, so it cannot be fetched: who runs class libraries puts it where `dotnet_client_cache` says."""


async def find_dotnet(places: SearchPlaces) -> list[Program]:
    """PATH, where Microsoft's script and the distributions install, and /opt. One program runs all versions that lie beside it."""
    directories = (places.home / ".dotnet", *map(Path, ("/usr/share/dotnet", "/usr/lib/dotnet", "/usr/local/share/dotnet", "/opt/dotnet")))
    answers = await ask_all(set(iter_executables("dotnet", places, directories)), ("--list-runtimes",))
    return [
        Program(family=RuntimeFamily.DOTNET, version=(int(match[1]), int(match[2]), int(match[3])), executable=path)
        for path, answer in answers.items()
        for match in _RUNTIME.finditer(answer)
    ]


def dotnet_client_cache() -> Path:
    """Where the client is looked for, with the files that belong to it."""
    return client_cache() / "dotnet"


async def copy_dotnet_client(directory: Path, *, cache: Path) -> None:
    """Have the client's files in `directory`, if the machine has them; else functions say what is missing when they start."""
    await asyncio.to_thread(_copy, directory, cache)


def _copy(directory: Path, cache: Path) -> None:
    if not (cache / DOTNET_CLIENT).is_file():
        return
    directory.mkdir(parents=True, exist_ok=True)
    for source in sorted(cache.iterdir()):
        target = directory / source.name
        if source.is_file() and not (target.exists() and target.stat().st_mtime_ns == source.stat().st_mtime_ns):
            draft = directory / f".{source.name}.{os.getpid()}"
            shutil.copy2(source, draft)
            draft.replace(target)
