"""How a JVM is started for a function: short starts before peak speed, as AWS has it; JAVA_TOOL_OPTIONS says otherwise."""

from pathlib import Path

from alonzo.runtimes.java_client import CLIENT_JARS, MAIN_CLASS

JAVA_CLIENT_DIRECTORY = "java"
"""Below the runtime directory."""
_HEAP_SHARE = 0.8
_OPTIONS = (
    *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.net.preferIPv4Stack=true"),
    "--add-opens=java.base/java.io=ALL-UNNAMED",  # with which the client opens the log's descriptor
    "--enable-native-access=ALL-UNNAMED",  # it speaks HTTP by a library of its own
)
_SILENT_ARCHIVE = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")
"""An archive that does not fit is left aside; the function's log shall not hear of it."""


def java_command(
    executable: Path, runtime_directory: str, *, memory_mib: int, handler: str, archive: str | None, archives_to: str | None = None
) -> tuple[str, ...]:
    """The JVM with AWS's client.

    `archive`: the name of an archive of its classes (`java_archives.py`) beside the client's jars; `archives_to`: where to make one.
    """
    directory = f"{runtime_directory}/{JAVA_CLIENT_DIRECTORY}"
    heap = f"-XX:MaxHeapSize={int(memory_mib * _HEAP_SHARE)}m"  # a JVM in a sandbox cannot see the limit of its memory
    sharing: tuple[str, ...] = ()
    if archive is not None:
        sharing = (f"-XX:SharedArchiveFile={directory}/{archive}", *_SILENT_ARCHIVE)
    elif archives_to is not None:
        sharing = (f"-XX:ArchiveClassesAtExit={archives_to}",)
    # Jar by jar: an archive holds good for one order of them, and a wildcard's is the directory's.
    class_path = ":".join(f"{directory}/{name}" for name in CLIENT_JARS)
    return (str(executable), heap, *_OPTIONS, *sharing, "-classpath", class_path, MAIN_CLASS, handler)
