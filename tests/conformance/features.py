"""What the suite asks of every runtime. A runtime that has not got it says why, in its entry in `languages.py`."""

from enum import StrEnum


class Feature(StrEnum):
    """Named as docs/runtimes.md names it."""

    VALUES = "any JSON value, in and out"
    SIZES = "payloads up to 6 MB, and an error beyond"
    CONCURRENCY = "20 invocations at once"
    CONTEXT = "context of the invocation, client context, trace"
    VARIABLES = "environment variables as recorded on AWS"
    FILES = "read-only code, /tmp to write to"
    WARMTH = "globals and /tmp kept in warm environments"
    ERRORS = "errors of the handler"
    LOAD_ERRORS = "errors while the function is loaded, missing handlers"
    UNSERIALIZABLE = "results that are no JSON"
    ENDS = "time-outs, exits, signals"
    LOGS = "lines of stdout and stderr, the tail of the log"
    WHOLE_MESSAGES = "messages of several lines as one log event"
    JSON_LOGS = "records of the function in the JSON log format"
    STREAMING = "response streaming"
    STREAM_ERRORS = "errors in mid-stream"
    LAYER_FILES = "files and programs of layers"
    LAYER_LIBRARIES = "libraries of layers"
    WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
    EXTENSIONS = "external extensions beside it: INIT waits, INVOKE, SHUTDOWN"
    TELEMETRY = "its log and its invocations by the Telemetry API"
