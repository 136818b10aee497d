"""What `alonzo doctor` says of Lambda's runtimes: which program of this machine runs each, where it is, or what to install."""

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from alonzo.cli.findings import Finding

if TYPE_CHECKING:
    from alonzo.runtimes.catalog import RuntimeFamily
    from alonzo.runtimes.discovery import SearchPlaces
    from alonzo.runtimes.programs import Program

_PYTHON_RUNTIMES = ("python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14")

_REMEDIES = MappingProxyType(
    {
        "nodejs": "apt install nodejs, nvm install 24",
        "java": "apt install default-jre-headless, sdk install java",
        "ruby": "apt install ruby, rbenv install 3.4",
        "dotnet": "dotnet-install.sh --channel 10.0 --runtime aspnetcore (https://dot.net)",
    }
)


def iter_runtime_findings(places: "SearchPlaces") -> Iterator[Finding]:
    """A line for each Python runtime, which Alonzo needs itself, and one for each other language."""
    yield from _iter_python_findings(places)
    yield from _iter_program_findings(places)
    yield Finding(name="runtime provided", available=True, detail="programs that functions bring themselves")


def _iter_python_findings(places: "SearchPlaces") -> Iterator[Finding]:
    import asyncio

    from alonzo.runtimes.catalog import find_runtime
    from alonzo.runtimes.discovery import discover_interpreters
    from alonzo.runtimes.interpreters import choose_interpreter

    interpreters = asyncio.run(discover_interpreters(places, cache_file=None))
    for identifier in _PYTHON_RUNTIMES:
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


def _iter_program_findings(places: "SearchPlaces") -> Iterator[Finding]:
    """None of these is essential: a function says so if its program is missing."""
    import asyncio

    from alonzo.runtimes.program_discovery import discover_programs
    from alonzo.runtimes.programs import PROGRAM_FAMILIES

    for family, language in PROGRAM_FAMILIES.items():
        programs = asyncio.run(discover_programs(family, places))
        if programs:
            detail = "; ".join(f"{language} {program.version_text}, {program.executable}" for program in programs)
            yield Finding(name=f"runtime {family}", available=True, detail=detail + _further(family, programs))
        else:
            remedy = f"to run functions in {language}, install it and have it on the PATH: {_REMEDIES[family]}"
            yield Finding(name=f"runtime {family}", available=False, detail=f"no {language} was found", remedy=remedy, essential=False)


def _further(family: "RuntimeFamily", programs: Sequence["Program"]) -> str:
    """Which runtimes another version stands in for, and where the AWS SDK or the client is."""
    parts = []
    stand_ins = list(_iter_stand_ins(family, programs))
    if stand_ins:
        parts.append(f"runs {', '.join(stand_ins)} too, for want of their own")
    packages = {str(library.path) for program in programs for library in program.libraries if library.variable == "NODE_PATH"}
    if packages:
        parts.append(f"packages for functions: {', '.join(sorted(packages))}")
    if family == "dotnet":
        parts.append(_dotnet_client())
    return "".join(f"; {part}" for part in parts)


def _iter_stand_ins(family: "RuntimeFamily", programs: Sequence["Program"]) -> Iterator[str]:
    from alonzo.model.runtimes import RUNTIMES_LISTED
    from alonzo.runtimes.catalog import find_runtime
    from alonzo.runtimes.lifecycle import RuntimePhase
    from alonzo.runtimes.programs import choose_program

    for identifier in sorted(RUNTIMES_LISTED):
        runtime = find_runtime(identifier)
        if runtime is None or runtime.family is not family or runtime.phase is not RuntimePhase.SUPPORTED:
            continue
        if choose_program(runtime, programs, strict=False).warning is not None:
            yield identifier


def _dotnet_client() -> str:
    from alonzo.runtimes.dotnet import DOTNET_CLIENT, dotnet_client_cache

    client = dotnet_client_cache() / DOTNET_CLIENT
    return f"class libraries: {client}" if client.is_file() else f"class libraries do not run: they need {client}"
