"""What is executed as the runtime of an environment."""

import re

from alonzo.environment.sandboxes import JAVA_CLIENT_DIRECTORY, RuntimeSandbox
from alonzo.environment.variables import Place
from alonzo.model.function import FunctionVersion
from alonzo.runtimes.catalog import RuntimeFamily, find_runtime
from alonzo.runtimes.java_client import MAIN_CLASS

Commands = tuple[tuple[str, ...], ...]
"""Programs with their arguments: the first one that is there is executed."""

_NODE_CLIENT = "alonzo/guest/nodejs/bootstrap.mjs"
_NODE_OPTIONS = ("--max-http-header-size", "81920")
"""As AWS's runtime starts node: what a client context and a trace may take."""


_JAVA_HEAP_SHARE = 0.8
_JAVA_OPTIONS = (
    *("-Xshare:auto", "-Djava.net.preferIPv4Stack=true"),
    "--add-opens=java.base/java.io=ALL-UNNAMED",  # with which the client opens the log's descriptor
    "--enable-native-access=ALL-UNNAMED",  # it speaks HTTP by a library of its own
)
_JAVA_DEFAULTS = (
    ("-XX:MaxHeapSize={heap}m", re.compile(r"-Xmx|-XX:Max(HeapSize|RAM)")),  # a JVM in a sandbox cannot see the limit of its memory
    ("-XX:+UseSerialGC", re.compile(r"-XX:\+Use\w+GC")),
    ("-XX:TieredStopAtLevel=1", re.compile(r"-XX:(TieredStopAtLevel=|-TieredCompilation)")),
)
"""Short starts before peak speed, as AWS has it; and which of JAVA_TOOL_OPTIONS take their place. (The JVM itself would let the command
line win: https://docs.oracle.com/en/java/javase/17/docs/specs/jvmti.html#tooloptions.)"""
_JAVA_UTF8_UNTIL = 17
_JAVA_ENCODINGS = (
    ("-Dfile.encoding=UTF-8", re.compile(r"-Dfile\.encoding=")),
    ("-Dsun.jnu.encoding=UTF-8", re.compile(r"-Dsun\.jnu\.encoding=")),
)
"""Until java17 AWS's images have the locale that LANG names, so that Java speaks UTF-8; this machine may lack it. Later ones lack it too:
https://github.com/aws/aws-lambda-base-images/issues/234"""


def launch_commands(runtime: RuntimeSandbox, place: Place, version: FunctionVersion) -> Commands | None:
    """None for Python, whose runtime is forked, not executed."""
    if runtime.family is RuntimeFamily.PROVIDED:
        return (f"{place.task_root}/bootstrap",), (f"{place.layers_directory}/bootstrap",)
    if runtime.program is not None and runtime.family is RuntimeFamily.JAVA:
        class_path = f"{place.runtime_directory}/{JAVA_CLIENT_DIRECTORY}/*"
        options = (*_java_defaults(version), *_JAVA_OPTIONS)
        return ((str(runtime.program), *options, "-classpath", class_path, MAIN_CLASS, version.handler or ""),)
    if runtime.program is not None:
        return ((str(runtime.program), *_NODE_OPTIONS, f"{place.runtime_directory}/{_NODE_CLIENT}"),)
    return None


def _java_defaults(version: FunctionVersion) -> tuple[str, ...]:
    own = (version.environment_variables or {}).get("JAVA_TOOL_OPTIONS", "")
    heap = int(version.memory_mib * _JAVA_HEAP_SHARE)
    spec = find_runtime(version.runtime or "")
    speaks_utf8 = spec is not None and spec.version <= (_JAVA_UTF8_UNTIL,)
    defaults = (*_JAVA_DEFAULTS, *(_JAVA_ENCODINGS if speaks_utf8 else ()))
    return tuple(option.format(heap=heap) for option, otherwise in defaults if not otherwise.search(own))
