"""The options that a Java machine is started with, and which of the function's own take their place."""

import re
from collections.abc import Iterable

from alonzo.model.function import FunctionVersion
from alonzo.runtimes.catalog import find_runtime

_HEAP_SHARE = 0.8
_FIXED = (
    *("-Xshare:auto", "-Djava.net.preferIPv4Stack=true"),
    "--add-opens=java.base/java.io=ALL-UNNAMED",  # with which the client opens the log's descriptor
    "--enable-native-access=ALL-UNNAMED",  # it speaks HTTP by a library of its own
    "-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac",  # org.crac's hooks are the client's to call
)
_DEFAULTS = (
    ("-XX:MaxHeapSize={heap}m", re.compile(r"-Xmx|-XX:Max(HeapSize|RAM)")),  # a JVM in a sandbox cannot see the limit of its memory
    ("-XX:+UseSerialGC", re.compile(r"-XX:\+Use\w+GC")),
    ("-XX:TieredStopAtLevel=1", re.compile(r"-XX:(TieredStopAtLevel=|-TieredCompilation)")),
)
"""Short starts before peak speed, as AWS has it; and which of JAVA_TOOL_OPTIONS take their place. (The JVM itself would let the command
line win: https://docs.oracle.com/en/java/javase/17/docs/specs/jvmti.html#tooloptions.)"""
_UTF8_UNTIL = 17
_ENCODINGS = (
    ("-Dfile.encoding=UTF-8", re.compile(r"-Dfile\.encoding=")),
    ("-Dsun.jnu.encoding=UTF-8", re.compile(r"-Dsun\.jnu\.encoding=")),
)
"""Until java17 AWS's images have the locale that LANG names, so that Java speaks UTF-8; this machine may lack it. Later ones lack it too:
https://github.com/aws/aws-lambda-base-images/issues/234"""


def java_options(version: FunctionVersion) -> tuple[str, ...]:
    """For a function: what is fixed, and the defaults that its JAVA_TOOL_OPTIONS leave."""
    own = (version.environment_variables or {}).get("JAVA_TOOL_OPTIONS", "")
    spec = find_runtime(version.runtime or "")
    speaks_utf8 = spec is not None and spec.version <= (_UTF8_UNTIL,)
    defaults = (*_DEFAULTS, *(_ENCODINGS if speaks_utf8 else ()))
    return _fill((option for option, otherwise in defaults if not otherwise.search(own)), version.memory_mib)


def default_java_options(memory_mib: int) -> tuple[str, ...]:
    """For a function that says nothing."""
    return _fill((option for option, _ in _DEFAULTS), memory_mib)


def _fill(defaults: Iterable[str], memory_mib: int) -> tuple[str, ...]:
    heap = int(memory_mib * _HEAP_SHARE)
    return (*(option.format(heap=heap) for option in defaults), *_FIXED)
