"""Which functions a program may serve that was started before they were known, and how it is started.

A variable that a program or its loader reads when it starts cannot be applied afterwards. Functions that set one, name a wrapper or bring
shared libraries get a process of their own from the start. What all others see of their environment is the same either way.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alonzo.environment.java_launch import JAVA_CLIENT_DIRECTORY, class_list_of, java_command
from alonzo.environment.java_options import java_options
from alonzo.environment.variables import RUNTIME_DIRECTORY, node_startup_defaults, startup_defaults
from alonzo.model.function import FunctionVersion
from alonzo.model.quotas import EPHEMERAL_STORAGE_MIN_MIB, MEMORY_MIN_MIB
from alonzo.runtimes.catalog import RuntimeFamily, find_runtime
from alonzo.runtimes.programs import Program

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

_READ_BY_JAVA = re.compile(r"JAVA_.* | JDK_.* | HOME", re.VERBOSE)
"""https://docs.oracle.com/en/java/javase/17/docs/specs/man/java.html#using-the-jdk_java_options-launcher-environment-variable"""

_JAVA_ROOM = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PrestartOrder:
    """What is executed, and with which variables; the same for all functions that a program may serve.

    `memory_mib`: what it may use until it is assigned. `room`: for how many of the smallest it counts. `java`: for a Java machine, which is
    not executed but made of the sandbox's own process (`guest/java_machine.py`): its library, and the file that names classes to load.
    """

    command: tuple[str, ...]
    variables: Mapping[str, str]
    memory_mib: int = MEMORY_MIN_MIB
    room: int = 1
    java: Mapping[str, str] | None = None


def node_command(executable: Path, runtime_directory: str) -> tuple[str, ...]:
    """Node.js with its client."""
    return (str(executable), *_NODE_OPTIONS, f"{runtime_directory}/{_NODE_CLIENT}")


def find_prestart_order(
    version: FunctionVersion, program: Program, *, archive: str | None, trusted_certificates: str | None
) -> PrestartOrder | None:
    """How a function's program is started in an isolated sandbox ahead of it; None if it cannot be.

    `archive`: of Java's classes (`java_archives.py`). Its largest heap is fixed at the start, so there is an order for each memory size.
    `trusted_certificates`: a file that Node.js reads when it starts, if there is one by now.
    """
    if program.family is RuntimeFamily.NODEJS:
        variables = startup_defaults() | node_startup_defaults(trusted_certificates)
        return PrestartOrder(command=node_command(program.executable, RUNTIME_DIRECTORY), variables=variables)
    if program.family is RuntimeFamily.JAVA and archive is not None and _starts_with_defaults(version):
        return PrestartOrder(
            command=java_command(program, RUNTIME_DIRECTORY, options=java_options(version), archive=archive, handler=""),
            variables=startup_defaults(),
            memory_mib=version.memory_mib,
            room=_JAVA_ROOM,
            java={
                "library": str(program.prefix / "lib" / "server" / "libjvm.so"),
                "classes": f"{RUNTIME_DIRECTORY}/{JAVA_CLIENT_DIRECTORY}/{class_list_of(archive)}",
            },
        )
    return None


def fits_prestarted(version: FunctionVersion, code_directory: Path, layers_directory: Path | None) -> bool:
    """Whether a program that was started with the defaults can serve a function. Reads directories."""
    if not _starts_with_defaults(version):
        return False
    if _is_java(version) and _holds_libraries(code_directory):
        return False  # the loader of its process has read LD_LIBRARY_PATH before it was the function's
    # The loader remembers, when a program starts, which directories of LD_LIBRARY_PATH are not there: it would find nothing in these.
    return not any(_holds_libraries(directory / "lib") for directory in (code_directory, layers_directory) if directory is not None)


def _starts_with_defaults(version: FunctionVersion) -> bool:
    names = (version.environment_variables or {}).keys()
    if any(_READ_AT_START.fullmatch(name) for name in names):
        return False
    if not _is_java(version):
        return True
    # A machine has its counters in /tmp: another /tmp would be without.
    return version.ephemeral_storage_mib == EPHEMERAL_STORAGE_MIN_MIB and not any(_READ_BY_JAVA.fullmatch(name) for name in names)


def _is_java(version: FunctionVersion) -> bool:
    spec = find_runtime(version.runtime or "")
    return spec is not None and spec.family is RuntimeFamily.JAVA


def _holds_libraries(directory: Path) -> bool:
    try:
        with os.scandir(directory) as entries:
            return any(".so" in entry.name for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False
