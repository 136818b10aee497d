"""Which functions a program may serve that was started before they were known, and how it is started.

A variable that a program or its loader reads when it starts cannot be applied afterwards. Functions that set one, name a wrapper or bring
shared libraries get a process of their own from the start. What all others see of their environment is the same either way.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alonzo.environment.variables import RUNTIME_DIRECTORY, startup_defaults
from alonzo.model.function import FunctionVersion
from alonzo.runtimes.catalog import RuntimeFamily

_NODE_CLIENT = "alonzo/guest/nodejs/bootstrap.mjs"
_NODE_OPTIONS = ("--max-http-header-size", "81920")
"""As AWS's runtime starts node: what a client context and a trace may take."""

_READ_AT_START = re.compile(
    r"""
    AWS_LAMBDA_EXEC_WRAPPER
    | LANG | LANGUAGE | LC_.* | LOCPATH | TZ | TZDIR                            # locale(7), tzset(3)
    | LD_.* | GLIBC_.* | MALLOC_.* | GCONV_PATH | NLSPATH                       # ld.so(8), mallopt(3), iconv
    | RES_OPTIONS | LOCALDOMAIN | HOSTALIASES | CARES_HOSTS                     # resolver(5), c-ares
    | OPENSSL_.* | SSL_.* | SSLKEYLOGFILE                                       # openssl-env(7)
    | NODE_(?!(?:ENV|PATH)$).* | UV_.* | ICU_.* | V8_.*                         # https://nodejs.org/api/cli.html#environment-variables
    """,
    re.VERBOSE,
)
"""More than is read, rather than less. NODE_ENV is for libraries only; the client has NODE_PATH read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrestartOrder:
    """What is executed, and with which variables; the same for all functions of a program."""

    command: tuple[str, ...]
    variables: Mapping[str, str]


def node_command(executable: Path, runtime_directory: str) -> tuple[str, ...]:
    """Node.js with its client."""
    return (str(executable), *_NODE_OPTIONS, f"{runtime_directory}/{_NODE_CLIENT}")


def find_prestart_order(family: RuntimeFamily, executable: Path) -> PrestartOrder | None:
    """How a language's program is started in an isolated sandbox ahead of its function; None if it cannot be."""
    if family is not RuntimeFamily.NODEJS:
        return None
    return PrestartOrder(command=node_command(executable, RUNTIME_DIRECTORY), variables=startup_defaults())


def fits_prestarted(version: FunctionVersion, code_directory: Path, layers_directory: Path | None) -> bool:
    """Whether a program that was started with the defaults can serve a function. Reads directories."""
    if any(_READ_AT_START.fullmatch(name) for name in version.environment_variables or {}):
        return False
    # The loader remembers, when a program starts, which directories of LD_LIBRARY_PATH are not there: it would find nothing in these.
    return not any(_holds_libraries(directory / "lib") for directory in (code_directory, layers_directory) if directory is not None)


def _holds_libraries(directory: Path) -> bool:
    try:
        with os.scandir(directory) as entries:
            return any(".so" in entry.name for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False
