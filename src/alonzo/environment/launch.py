"""What is executed as the runtime of an environment."""

from alonzo.environment.java_launch import java_command
from alonzo.environment.prestart import node_command
from alonzo.environment.sandboxes import RuntimeSandbox
from alonzo.environment.variables import Place
from alonzo.model.function import FunctionVersion
from alonzo.runtimes.catalog import RuntimeFamily

Commands = tuple[tuple[str, ...], ...]
"""Programs with their arguments: the first one that is there is executed."""


def launch_commands(runtime: RuntimeSandbox, place: Place, version: FunctionVersion) -> Commands | None:
    """None for Python, whose runtime is forked, not executed."""
    if runtime.family is RuntimeFamily.PROVIDED:
        return (f"{place.task_root}/bootstrap",), (f"{place.layers_directory}/bootstrap",)
    if runtime.program is not None and runtime.family is RuntimeFamily.JAVA:
        memory, handler = version.memory_mib, version.handler or ""
        return (java_command(runtime.program, place.runtime_directory, memory_mib=memory, handler=handler, archive=runtime.archive),)
    if runtime.program is not None:
        return (node_command(runtime.program, place.runtime_directory),)
    return None
