"""What is executed as the runtime of an environment."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from alonzo.environment.java_launch import java_command
from alonzo.environment.java_options import java_options
from alonzo.environment.prestart import node_command
from alonzo.environment.sandboxes import DOTNET_CLIENT_DIRECTORY, RuntimeSandbox
from alonzo.environment.variables import LAYERS_DIRECTORY, Place
from alonzo.model.function import FunctionVersion
from alonzo.runtimes.catalog import RuntimeFamily, find_runtime
from alonzo.runtimes.dotnet import DOTNET_CLIENT
from alonzo.runtimes.programs import Program

Commands = tuple[tuple[str, ...], ...]
"""Programs with their arguments: the first one that is there is executed."""

_RUBY_CLIENT = "alonzo/guest/ruby/bootstrap.rb"
_RUBY_WITH_DETAILED_MESSAGES = (3, 2)
_RUBY_PLAIN_MESSAGES = ("--disable=did_you_mean", "--disable=error_highlight")
"""Before that version, what Ruby has to say about an error beyond its message would be part of the message."""

_DOTNET_BOOTSTRAP = "alonzo/guest/dotnet/bootstrap.sh"


def launch_commands(runtime: RuntimeSandbox, place: Place, version: FunctionVersion) -> Commands | None:
    """None for Python, whose runtime is forked, not executed."""
    if runtime.family is RuntimeFamily.PROVIDED:
        return (f"{place.task_root}/bootstrap",), (f"{place.layers_directory}/bootstrap",)
    if runtime.family is RuntimeFamily.GO:
        return ((f"{place.task_root}/{version.handler}",),)  # go1.x: the handler is the program
    if runtime.program is None:
        return None
    if runtime.family is RuntimeFamily.JAVA:
        return (_java_command(runtime.program, place, version, runtime.archive),)
    return (_COMMANDS[runtime.family](runtime.program, place, version),)


def _node_command(program: Program, place: Place, _: FunctionVersion) -> tuple[str, ...]:
    return node_command(program.executable, place.runtime_directory)


def _ruby_command(program: Program, place: Place, _: FunctionVersion) -> tuple[str, ...]:
    plain = () if program.version >= _RUBY_WITH_DETAILED_MESSAGES else _RUBY_PLAIN_MESSAGES
    return (str(program.executable), *plain, f"{place.runtime_directory}/{_RUBY_CLIENT}")


def _java_command(program: Program, place: Place, version: FunctionVersion, archive: str | None) -> tuple[str, ...]:
    # The client itself searches /opt.
    layers = () if place.layers_directory == LAYERS_DIRECTORY else (f"{place.layers_directory}/java/lib/*",)
    return java_command(
        program,
        place.runtime_directory,
        options=java_options(version),
        archive=archive,
        handler=version.handler or "",
        more_classes=layers,
    )


def _dotnet_command(program: Program, place: Place, version: FunctionVersion) -> tuple[str, ...]:
    """.NET runs an assembly on the version that it was built for, unless it is told that a later one will do."""
    spec = find_runtime(version.runtime or "")
    stands_in = spec is None or program.version[:1] != spec.version[:1]
    client = f"{place.runtime_directory}/{DOTNET_CLIENT_DIRECTORY}/{DOTNET_CLIENT}"
    options = ("--roll-forward", "Major") if stands_in else ()
    return ("/bin/sh", f"{place.runtime_directory}/{_DOTNET_BOOTSTRAP}", client, str(program.executable), "exec", *options)


_COMMANDS: Mapping[RuntimeFamily, Callable[[Program, Place, FunctionVersion], tuple[str, ...]]] = MappingProxyType(
    {
        RuntimeFamily.NODEJS: _node_command,
        RuntimeFamily.RUBY: _ruby_command,
        RuntimeFamily.DOTNET: _dotnet_command,
    }
)
