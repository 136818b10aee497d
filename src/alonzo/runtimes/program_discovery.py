"""Finds the programs of the machine that run functions of a language."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.dotnet import find_dotnet
from alonzo.runtimes.java import find_java
from alonzo.runtimes.nodejs import find_nodejs
from alonzo.runtimes.programs import Program
from alonzo.runtimes.ruby import find_ruby

_FINDERS: Mapping[RuntimeFamily, Callable[[SearchPlaces], Awaitable[list[Program]]]] = MappingProxyType(
    {
        RuntimeFamily.NODEJS: find_nodejs,
        RuntimeFamily.JAVA: find_java,
        RuntimeFamily.RUBY: find_ruby,
        RuntimeFamily.DOTNET: find_dotnet,
    }
)


async def discover_programs(family: RuntimeFamily, places: SearchPlaces) -> tuple[Program, ...]:
    """Every program of the machine that runs functions of a language, newest first."""
    found = await _FINDERS[family](places)
    return tuple(sorted(set(found), key=lambda program: (program.version, str(program.executable)), reverse=True))
