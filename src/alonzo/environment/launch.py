"""What is executed as the runtime of an environment."""

from alonzo.environment.prestart import node_command
from alonzo.environment.sandboxes import JAVA_CLIENT_DIRECTORY, RuntimeSandbox
from alonzo.environment.variables import Place
from alonzo.model.function import FunctionVersion
from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.java_client import MAIN_CLASS

Commands = tuple[tuple[str, ...], ...]
"""Programs with their arguments: the first one that is there is executed."""

_JAVA_HEAP_SHARE = 0.8
_JAVA_OPTIONS = (
    *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.net.preferIPv4Stack=true"),
    "--add-opens=java.base/java.io=ALL-UNNAMED",  # with which the client opens the log's descriptor
    "--enable-native-access=ALL-UNNAMED",  # it speaks HTTP by a library of its own
)
"""Short starts before peak speed, as AWS has it; JAVA_TOOL_OPTIONS says otherwise."""


def launch_commands(runtime: RuntimeSandbox, place: Place, version: FunctionVersion) -> Commands | None:
    """None for Python, whose runtime is forked, not executed."""
    if runtime.family is RuntimeFamily.PROVIDED:
        return (f"{place.task_root}/bootstrap",), (f"{place.layers_directory}/bootstrap",)
    if runtime.program is not None and runtime.family is RuntimeFamily.JAVA:
        heap = f"-XX:MaxHeapSize={int(version.memory_mib * _JAVA_HEAP_SHARE)}m"  # a JVM in a sandbox cannot see the limit of its memory
        class_path = f"{place.runtime_directory}/{JAVA_CLIENT_DIRECTORY}/*"
        return ((str(runtime.program), heap, *_JAVA_OPTIONS, "-classpath", class_path, MAIN_CLASS, version.handler or ""),)
    if runtime.program is not None:
        return (node_command(runtime.program, place.runtime_directory),)
    return None
