"""How a JVM is started with AWS's client (`java_options.py` has what a function may change of it)."""

from collections.abc import Sequence

from alonzo.runtimes.java_client import CLIENT_JARS, MAIN_CLASS
from alonzo.runtimes.programs import Program

JAVA_CLIENT_DIRECTORY = "java"
"""Below the runtime directory."""
_SILENT_ARCHIVE = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")
"""An archive that does not fit is left aside; the function's log shall not hear of it."""


def java_command(
    program: Program, runtime_directory: str, *, options: Sequence[str], handler: str, more_classes: Sequence[str] = ()
) -> tuple[str, ...]:
    """`more_classes`: what its class path has after the client's jars."""
    # Options of modules came with Java 9; older ones do not start with them.
    understood = [option for option in options if program.version >= (9,) or not option.startswith("--")]
    directory = f"{runtime_directory}/{JAVA_CLIENT_DIRECTORY}"
    # Jar by jar: an archive of classes holds good for one order of them, and a wildcard's is the directory's.
    class_path = ":".join((*(f"{directory}/{name}" for name in CLIENT_JARS), *more_classes))
    return (str(program.executable), *understood, "-classpath", class_path, MAIN_CLASS, handler)


def archive_options(runtime_directory: str, archive: str) -> tuple[str, ...]:
    """Has an archive of classes used, named as it lies beside the client's jars (`java_archives.py`)."""
    return (f"-XX:SharedArchiveFile={runtime_directory}/{JAVA_CLIENT_DIRECTORY}/{archive}", *_SILENT_ARCHIVE)
