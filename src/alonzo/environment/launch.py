"""What is executed as the runtime of an environment."""

from alonzo.environment.java_options import java_options
from alonzo.environment.sandboxes import JAVA_CLIENT_DIRECTORY, RuntimeSandbox
from alonzo.environment.variables import Place
from alonzo.model.function import FunctionVersion
from alonzo.runtimes.catalog import RuntimeFamily
from alonzo.runtimes.java_client import MAIN_CLASS

Commands = tuple[tuple[str, ...], ...]
"""Programs with their arguments: the first one that is there is executed."""

_NODE_CLIENT = "alonzo/guest/nodejs/bootstrap.mjs"
_NODE_OPTIONS = ("--max-http-header-size", "81920")
"""As AWS's runtime starts node: what a client context and a trace may take."""


def launch_commands(runtime: RuntimeSandbox, place: Place, version: FunctionVersion) -> Commands | None:
    """None for Python, whose runtime is forked, not executed."""
    if runtime.family is RuntimeFamily.PROVIDED:
        return (f"{place.task_root}/bootstrap",), (f"{place.layers_directory}/bootstrap",)
    if runtime.program is not None and runtime.family is RuntimeFamily.JAVA:
        class_path = f"{place.runtime_directory}/{JAVA_CLIENT_DIRECTORY}/*"
        return ((str(runtime.program), *java_options(version), "-classpath", class_path, MAIN_CLASS, version.handler or ""),)
    if runtime.program is not None:
        return ((str(runtime.program), *_NODE_OPTIONS, f"{place.runtime_directory}/{_NODE_CLIENT}"),)
    return None
