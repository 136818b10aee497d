"""How a JVM is started with AWS's client (`java_options.py` has what a function may change of it)."""

from collections.abc import Sequence

from alonzo.runtimes.java_client import CLIENT_JARS, MAIN_CLASS
from alonzo.runtimes.programs import Program

JAVA_CLIENT_DIRECTORY = "java"
"""Below the runtime directory."""
ARCHIVE_SUFFIX = ".jsa"
_SILENT_ARCHIVE = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")
"""An archive that does not fit is left aside; the function's log shall not hear of it."""


def java_command(
    program: Program,
    runtime_directory: str,
    *,
    options: Sequence[str],
    handler: str,
    archive: str | None = None,
    more_classes: Sequence[str] = (),
) -> tuple[str, ...]:
    """`archive`: of classes, by its name beside the client's jars. `more_classes`: what its class path has after these."""
    # Options of modules came with Java 9; older ones do not start with them.
    understood = [option for option in options if program.version >= (9,) or not option.startswith("--")]
    directory = f"{runtime_directory}/{JAVA_CLIENT_DIRECTORY}"
    if archive is not None:
        understood += [f"-XX:SharedArchiveFile={directory}/{archive}", *_SILENT_ARCHIVE]
    # Jar by jar: an archive of classes holds good for one order of them, and a wildcard's is the directory's.
    class_path = ":".join((*(f"{directory}/{name}" for name in CLIENT_JARS), *more_classes))
    return (str(program.executable), *understood, "-classpath", class_path, MAIN_CLASS, handler)


def class_list_of(archive: str) -> str:
    """The name of the file that names the classes of an archive, one on a line."""
    return archive.removesuffix(ARCHIVE_SUFFIX) + ".txt"
