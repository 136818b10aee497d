"""What only JavaScript has: modules and handlers of every kind, things thrown, the levels of the console. The rest: tests/conformance."""

import json
from typing import Any

import pytest
from tests.support.invoking import Answer, invoke, succeed, wait_for_log
from tests.support.server import ROLE, Server, zip_of

RUNTIME = "nodejs20.x"


def deploy(server: Server, name: str, source: str, *, file: str = "index.js", others: dict[str, str] | None = None, **more: Any) -> str:
    client = server.client("lambda")
    configuration = {"Runtime": RUNTIME, "Handler": "index.handler", "Role": ROLE} | more
    client.create_function(FunctionName=name, Code={"ZipFile": zip_of({file: source} | (others or {}))}, **configuration)
    server.wait_until_settled(name)
    return name


def run(server: Server, name: str, source: str, event: Any = None, **more: Any) -> Answer:
    return invoke(server, deploy(server, name, source, **more), event)


@pytest.mark.parametrize(
    ("kind", "source", "more"),
    [
        ("async", "exports.handler = async (event) => event;", {}),
        ("callback", "exports.handler = (event, context, callback) => { setTimeout(() => callback(null, event), 5); };", {}),
        ("es-module", "export const handler = async (event) => event;", {"file": "index.mjs"}),
        ("package", "export const handler = async (event) => event;", {"others": {"package.json": '{"type": "module"}'}}),
        ("top-level-await", "const wait = await 1; export const handler = async (event) => event;", {"file": "index.mjs"}),
        ("nested", "exports.a = {b: async (event) => event};", {"file": "lib/index.js", "Handler": "lib/index.a.b"}),
        ("succeed", "exports.handler = (event, context) => { context.succeed(event); };", {}),
    ],
)
def test_every_kind_of_handler_answers(server: Server, kind: str, source: str, more: dict[str, Any]) -> None:
    name = deploy(server, f"node-{kind}", source, **more)
    for event in (None, [1, "ü\u0000😀"], {"a": {"b": 1.5}}, "x" * 1_000_000):
        assert succeed(server, name, event) == event


def test_a_handler_that_returns_nothing_answers_null(server: Server) -> None:
    assert run(server, "node-nothing", "exports.handler = () => {};").value is None


def test_a_callback_waits_for_the_event_loop_unless_told_otherwise(server: Server) -> None:
    source = """
        exports.handler = (event, context, callback) => {
          context.callbackWaitsForEmptyEventLoop = event.waits;
          let isLate = false;
          setTimeout(() => { isLate = true; }, event.waits ? 20 : 100000);
          callback(null, {get late() { return isLate; }});
        };
    """
    name = deploy(server, "node-waits", source)
    assert succeed(server, name, {"waits": True}) == {"late": True}
    assert succeed(server, name, {"waits": False}) == {"late": False}


@pytest.mark.parametrize(
    ("kind", "source", "error_type", "message"),
    [
        ("calls-back", "exports.handler = (e, c, callback) => callback(new RangeError('far'));", "RangeError", "far"),
        ("throws-text", "exports.handler = async () => { throw 'words'; };", "string", "words"),
        ("uncaught", "exports.handler = () => new Promise(() => setTimeout(() => { throw new Error('late'); }, 1));", "Error", "late"),
        ("import", "require('nope');", "Runtime.ImportModuleError", "Error: Cannot find module 'nope'"),
        ("syntax", "this is no code", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected identifier 'is'"),
    ],
)
def test_errors_are_reported_as_on_aws(server: Server, kind: str, source: str, error_type: str, message: str) -> None:
    answer = run(server, f"node-{kind}", source)
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == error_type
    assert answer.value["errorMessage"].partition("\n")[0] == message


def test_a_rejection_that_nobody_handles_ends_the_runtime(server: Server) -> None:
    source = "exports.handler = () => { Promise.reject(new Error('lost')); return new Promise(() => setTimeout(() => {}, 60000)); };"
    answer = run(server, "node-rejects", source)
    assert answer.value["errorType"] == "Runtime.UnhandledPromiseRejection"
    assert answer.value["errorMessage"] == "Error: lost"


def test_lines_of_the_console_are_events_with_their_request(server: Server) -> None:
    source = "exports.handler = async (event, context) => { console.warn('two\\nlines', {a: 1}); return context.awsRequestId; };"
    name = deploy(server, "node-logs", source)
    request_id = succeed(server, name)
    line = next(line for line in wait_for_log(server, name, "REPORT RequestId") if "WARN" in line)
    assert line.split("\t")[1:] == [request_id, "WARN", "two\nlines { a: 1 }\n"]


def test_json_logs_carry_levels_and_errors(server: Server) -> None:
    source = "exports.handler = async () => { console.debug('quiet'); console.error('loud', new TypeError('bad')); };"
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    name = deploy(server, "node-json-logs", source, LoggingConfig=logging)
    request_id = json.loads(json.dumps(invoke(server, name).request_id))
    records = [json.loads(line) for line in wait_for_log(server, name, "platform.report")]
    own = [record for record in records if "level" in record]
    assert [(record["level"], record["errorType"], record["requestId"]) for record in own] == [("ERROR", "TypeError", request_id)]
    assert own[0]["message"].startswith("loud TypeError: bad")


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_a_console_waits_where_the_log_is_full_though_the_stream_of_output_was_opened(server: Server, log_format: str) -> None:
    """Node makes the pipe of `process.stdout` a non-blocking one as soon as a function uses it: a full pipe is an EAGAIN then."""
    source = """
        exports.handler = async () => {
          process.stdout.write("opened\\n");
          for (let number = 0; number < 100; number++) console.log(`${number}`, "x".repeat(20_000));
        };
    """
    name = f"node-full-pipe-{log_format.lower()}"
    assert run(server, name, source, LoggingConfig={"LogFormat": log_format}).value is None
    messages = wait_for_log(server, name, "platform.report" if log_format == "JSON" else "REPORT RequestId")
    logged = [message for message in messages if "x" * 1_000 in message]
    assert ["x" * 20_000 in message for message in logged] == [True] * 100
