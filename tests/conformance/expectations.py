"""Where languages differ, and why: the errors of each, as AWS's client for it words them. Types and messages are regular expressions."""

from collections.abc import Mapping
from dataclasses import dataclass

_REQUEST_ID = r"RequestId: [0-9a-f-]{36} Error: "


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedError:
    """An error as callers see it. `source` says where it comes from."""

    type: str | None
    message: str
    source: str
    trace: str | None = None
    """The key of the stack trace; None: there is none."""
    frame: str = ""
    """A line that the trace must have."""
    others: frozenset[str] = frozenset()
    """Further keys."""
    is_logged: bool = True
    """The client writes it into the log, too."""


_PYTHON = "awslambdaric, bootstrap.py"
_NODE = "aws-lambda-nodejs-runtime-interface-client, Errors.js"
_JAVA = "aws-lambda-java-runtime-interface-client, AWSLambda.java and UserFault.java"
_RUBY = "aws_lambda_ric, lambda_errors.rb; recorded on AWS: test_uncaught_exception_invoke[ruby3.3]"
_GO = "aws-lambda-go, lambda/errors.go; it gives stack traces of panics only"
_RUST = "lambda_runtime, diagnostic.rs; recorded on AWS: test_uncaught_exception_invoke[provided.al2023]. It logs by `tracing`, if asked to"
_SHELL = "what the script reports"
_EXIT = "the program exits before it asks for an invocation: the platform tells"

HANDLER_ERRORS: Mapping[str, ExpectedError] = {
    "python": ExpectedError(
        type="NoWeather",
        message="täglich",
        trace="stackTrace",
        frame=r'  File "/var/task/app.py", line \d+, in fail\n    raise NoWeather.*\n',
        others=frozenset({"requestId"}),
        source=_PYTHON,
    ),
    "commonjs": ExpectedError(
        type="NoWeather", message="täglich", trace="trace", frame=r"    at .*\(/var/task/behaviours\.js:\d+:\d+\)", source=_NODE
    ),
    "es-modules": ExpectedError(
        type="NoWeather", message="täglich", trace="trace", frame=r"    at .*\(file:///var/task/app\.mjs:\d+:\d+\)", source=_NODE
    ),
    "java": ExpectedError(
        type=r"app\.NoWeather", message="täglich", trace="stackTrace", frame=r"app\.Handlers\.act\(Handlers\.java:\d+\)", source=_JAVA
    ),
    "ruby": ExpectedError(
        type="Function<NoWeather>",
        message="täglich",
        trace="stackTrace",
        frame=r"/var/task/app\.rb:\d+:in [`']block in .*'",
        source=_RUBY,
    ),
    "go": ExpectedError(type="noWeather", message="täglich", source=_GO),
    "rust": ExpectedError(type=r"&alloc::boxed::Box<dyn core::error::Error.*>", message="täglich", is_logged=False, source=_RUST),
    "shell": ExpectedError(type="NoWeather", message="täglich", is_logged=False, source=_SHELL),
}
"""An exception, or what the language has of the kind, with the message "täglich"."""

LOAD_ERRORS: Mapping[str, ExpectedError] = {
    "python": ExpectedError(
        type="RuntimeError",
        message="no weather at all",
        trace="stackTrace",
        frame=r'  File "/var/task/broken.py", line 1, in <module>\n    raise .*\n',
        others=frozenset({"requestId"}),
        source=_PYTHON,
    ),
    "commonjs": ExpectedError(
        type="RangeError", message="no weather at all", trace="trace", frame=r"    at .*\(/var/task/broken\.js:1:\d+\)", source=_NODE
    ),
    "es-modules": ExpectedError(
        type="RangeError", message="no weather at all", trace="trace", frame=r"    at file:///var/task/broken\.mjs:1:\d+", source=_NODE
    ),
    "java": ExpectedError(
        type=r"java\.lang\.ExceptionInInitializerError", message=r"Error loading class app\.Broken", source=f"{_JAVA}: the cause is logged"
    ),
    "ruby": ExpectedError(
        type="Init<RuntimeError>",
        message="no weather at all",
        trace="stackTrace",
        frame=r"/var/task/broken\.rb:1:in [`']<top \(required\)>'",
        source=_RUBY,
    ),
    "go": ExpectedError(type=r"Runtime\.ExitError", message=f"{_REQUEST_ID}Runtime exited with error: exit status 2", source=_EXIT),
    "rust": ExpectedError(type=r"Runtime\.ExitError", message=f"{_REQUEST_ID}Runtime exited with error: exit status 1", source=_EXIT),
    "shell": ExpectedError(type="RuntimeError", message="no weather at all", is_logged=False, source=_SHELL),
}
"""Code that fails while it is loaded, with the message "no weather at all"."""

MISSING_HANDLERS: Mapping[str, ExpectedError] = {
    "python": ExpectedError(
        type=r"Runtime\.HandlerNotFound",
        message="Handler 'missing' missing on module 'app'",
        trace="stackTrace",
        others=frozenset({"requestId"}),
        source=_PYTHON,
    ),
    **dict.fromkeys(
        ("commonjs", "es-modules"),
        ExpectedError(
            type=r"Runtime\.HandlerNotFound",
            message=r"app\.missing is undefined or not exported",
            trace="trace",
            source="aws-lambda-nodejs-runtime-interface-client, UserFunction.js",
        ),
    ),
    "java": ExpectedError(
        type=None,
        message=r"No public method named missing with appropriate method signature found on class app\.Handlers",
        source="aws-lambda-java-runtime-interface-client, EventHandlerLoader.java: a fault without an exception has no type",
    ),
    "ruby": ExpectedError(
        type="Function<NoMethodError>",
        message=r"undefined method [`']missing' for (#<LambdaHandler:0x[0-9a-f]+>|an instance of LambdaHandler)",
        trace="stackTrace",
        source="aws_lambda_ric, lambda_handler.rb: looked for at the first invocation",
    ),
    # `_HANDLER` is their own affair: these do as they do when they cannot be loaded.
    "go": LOAD_ERRORS["go"],
    "rust": LOAD_ERRORS["rust"],
    "shell": LOAD_ERRORS["shell"],
}
"""A `Handler` that names nothing that is there."""

UNSERIALIZABLE: Mapping[str, ExpectedError] = {
    "python": ExpectedError(
        type=r"Runtime\.MarshalError",
        message="Unable to marshal response: Object of type set is not JSON serializable",
        trace="stackTrace",
        others=frozenset({"requestId"}),
        source=_PYTHON,
    ),
    **dict.fromkeys(
        ("commonjs", "es-modules"),
        ExpectedError(
            type="Error",
            message="Unable to stringify response body",
            trace="trace",
            source="aws-lambda-nodejs-runtime-interface-client, RuntimeClient.js",
        ),
    ),
    "java": ExpectedError(
        type=r"java\.lang\.RuntimeException",
        message="An error occurred during JSON serialization of response",
        trace="stackTrace",
        source="aws-lambda-java-runtime-interface-client, EventHandlerLoader.java",
    ),
    "ruby": ExpectedError(
        type="Function<JSON::GeneratorError>",
        message=r"(\d+: )?NaN not allowed in JSON",
        trace="stackTrace",
        source="aws_lambda_ric, lambda_handler.rb: the marshaller is the function's to replace, so its errors are, too",
    ),
    "go": ExpectedError(type="UnsupportedTypeError", message="json: unsupported type: chan int", source=_GO),
    "rust": ExpectedError(
        type=r"Runtime\.ExitError",
        message=f"{_REQUEST_ID}Runtime exited with error: exit status 1",
        source="lambda_runtime, layers/api_client.rs: a response that cannot be built ends the program",
    ),
}
"""Results that cannot be written as JSON: sets, BigInts, objects whose properties raise, NaN, channels, maps whose keys are no text."""
