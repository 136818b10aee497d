"""The runtimes that the suite runs in. One more is a folder in `handlers/` and an entry here.

`handlers/<folder>` holds the handlers `echo`, `act`, `unserializable`, `stream` and `broken` as far as the language has them; what they do
is best read in `handlers/python/app.py`, and in `handlers/nodejs` for `stream`. `handlers/<folder>/layer` is a layer with a library of the
language. What its errors look like goes into `expectations.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance import builds
from tests.conformance.features import Feature

HANDLERS = Path(__file__).parent / "handlers"

Build = Callable[[Path, Path], builds.Files]
"""Makes a package (or a layer) of a folder of sources; the second path is a directory to build in."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """One runtime with the suite's handlers in it."""

    id: str
    title: str
    runtimes: str
    """The identifiers that it stands for, for the reader."""
    runtime: str
    """The identifier that the suite's functions have."""
    recorded: str
    """The runtime of which the variables were recorded on AWS."""
    own_variables: Mapping[str, str] = field(default_factory=dict)
    """Patterns of those that are not as they were recorded, with the reason beside them."""
    folder: str
    handler: str
    """How `Handler` names one: `app.{}`."""
    broken: str
    """The `Handler` that cannot be loaded."""
    build: Build
    build_layer: Build = builds.copy_files
    memory_mib: int = 256
    stream_prelude: bytes = b""
    """What its library sends before the first part of a stream."""
    lacks: Mapping[Feature, str] = field(default_factory=dict)
    """What it has not got on AWS either, and why."""

    def handler_of(self, name: str) -> str:
        """The `Handler` that means the suite's handler of this name."""
        return self.broken if name == "broken" else self.handler.format(name)


_BUFFERED = "AWS's managed runtime answers in one piece"
_ONE_PROGRAM = "Its libraries are compiled in"
_NO_FRAMES = "Only managed runtimes have the framed log; here every line is an event"
_OWN_PROGRAM = "AWS honours it for managed runtimes only"
_PLAIN_LOGS = "What the program writes is its own affair; the platform's records are JSON all the same"
_OF_PROGRAMS = {
    Feature.LAYER_LIBRARIES: _ONE_PROGRAM,
    Feature.WHOLE_MESSAGES: _NO_FRAMES,
    Feature.JSON_LOGS: _PLAIN_LOGS,
    Feature.WRAPPER: _OWN_PROGRAM,
}

LANGUAGES = (
    Language(
        id="python",
        title="Python",
        runtimes="`python3.*`",
        runtime="python3.12",
        recorded="python3.12",
        folder="python",
        handler="app.{}",
        broken="broken.echo",
        build=builds.copy_files,
        lacks={Feature.STREAMING: _BUFFERED, Feature.STREAM_ERRORS: _BUFFERED},
    ),
    Language(
        id="commonjs",
        title="Node.js, CommonJS",
        runtimes="`nodejs*.x`",
        runtime="nodejs20.x",
        recorded="nodejs20.x",
        folder="nodejs",
        handler="app.{}",
        broken="broken.echo",
        build=builds.copy_scripts(".js"),
    ),
    Language(
        id="es-modules",
        title="Node.js, ES modules",
        runtimes="`nodejs*.x`",
        runtime="nodejs20.x",
        recorded="nodejs20.x",
        folder="nodejs",
        handler="app.{}",
        broken="broken.echo",
        build=builds.copy_scripts(".mjs", "behaviours.js"),
    ),
    Language(
        id="java",
        title="Java",
        runtimes="`java*`",
        runtime="java17",
        recorded="java17",
        folder="java",
        handler="app.Handlers::{}",
        broken="app.Broken::echo",
        build=builds.compile_java,
        build_layer=builds.compile_java_layer,
        memory_mib=512,
        lacks={Feature.STREAMING: _BUFFERED, Feature.STREAM_ERRORS: _BUFFERED},
    ),
    Language(
        id="ruby",
        title="Ruby",
        runtimes="`ruby3.*`",
        runtime="ruby3.3",
        recorded="ruby3.3",
        own_variables={
            # AWS's script names the first directory twice, for nothing.
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
            # The client is no gem here; the directories of the machine's Ruby come last.
            "RUBYLIB": "/var/task:/var/runtime/lib:/opt/ruby/lib(:.+)?",
            "GEM_PATH": r"/var/task/vendor/bundle/ruby/3\.3\.0:/opt/ruby/gems/3\.3\.0:/var/runtime:/var/runtime/ruby/3\.3\.0(:.+)?",
        },
        folder="ruby",
        handler="app.{}",
        broken="broken.echo",
        build=builds.copy_files,
        lacks={Feature.STREAMING: _BUFFERED, Feature.STREAM_ERRORS: _BUFFERED},
    ),
    Language(
        id="go",
        title="Go",
        runtimes="`provided.al2023`, `provided.al2`",
        runtime="provided.al2023",
        recorded="provided.al2023",
        folder="go",
        handler="{}",
        broken="broken",
        build=builds.compile_go,
        lacks=_OF_PROGRAMS,
    ),
    Language(
        id="rust",
        title="Rust",
        runtimes="`provided.al2023`, `provided.al2`",
        runtime="provided.al2023",
        recorded="provided.al2023",
        folder="rust",
        handler="{}",
        broken="broken",
        build=builds.compile_rust,
        stream_prelude=b'{"statusCode":200,"headers":{"content-type":"application/octet-stream"},"cookies":[]}' + bytes(8),
        lacks=_OF_PROGRAMS | {Feature.STREAM_ERRORS: "Its library writes them into the body (lambda_runtime, requests.rs)"},
    ),
    Language(
        id="shell",
        title="Shell script",
        runtimes="`provided.al2023`, `provided.al2`",
        runtime="provided.al2",
        recorded="provided.al2023",
        folder="shell",
        handler="{}",
        broken="broken",
        build=builds.copy_files,
        lacks={
            Feature.UNSERIALIZABLE: "It writes JSON by hand",
            Feature.WHOLE_MESSAGES: _NO_FRAMES,
            Feature.JSON_LOGS: _PLAIN_LOGS,
            Feature.WRAPPER: _OWN_PROGRAM,
        },
    ),
)
