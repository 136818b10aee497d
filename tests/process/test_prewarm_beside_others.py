"""Programs started ahead of their functions, with what else a function may have: extensions, wrappers, several invocations at once."""

import json
from pathlib import Path

import pytest
from tests.conftest import StartServer
from tests.support.extensions import PROGRAM, publish_extensions, publish_files
from tests.support.invoking import invoke, invoke_together, succeed, wait_for_log
from tests.support.managed_instances import deploy_shared
from tests.support.prestarted import IS_PRESTARTED, deploy_node, variables, wait_for_prestarted
from tests.support.server import Server, zip_of

_GRACEFUL = f"""
process.on("SIGTERM", () => {{ console.log("the runtime says goodbye"); process.exit(0); }});
exports.handler = async (event) => [{IS_PRESTARTED}, event];
"""

_INTERNAL = f"""
const api = `http://${{process.env.AWS_LAMBDA_RUNTIME_API}}/2020-01-01/extension`;
const registered = await fetch(`${{api}}/register`, {{
  method: "POST", headers: {{ "Lambda-Extension-Name": "within" }}, body: JSON.stringify({{ events: ["INVOKE"] }}),
}});
async function listen() {{
  const me = {{ "Lambda-Extension-Identifier": registered.headers.get("Lambda-Extension-Identifier") }};
  for (;;) {{
    const event = await (await fetch(`${{api}}/event/next`, {{ headers: me }})).json();
    console.log("within was told", event.eventType, event.requestId);
  }}
}}
listen();
import {{ createRequire }} from "node:module";
const require = createRequire(import.meta.url);
export const handler = async (event) => [{IS_PRESTARTED}, event];
"""


@pytest.mark.parametrize("options", [(), ("--network", "isolated")], ids=["host", "isolated"])
def test_external_extensions_begin_before_the_runtime_and_end_after_it(start_server: StartServer, options: tuple[str, ...]) -> None:
    server = start_server(*options)
    layer = publish_extensions(server, "watch", watcher=PROGRAM)
    name = deploy_node(server, "watched", _GRACEFUL, Layers=[layer], MemorySize=512)
    wait_for_prestarted(server)
    first = invoke(server, name, 1)
    wait_for_prestarted(server)  # while the extension is still busy with the first, the second has an environment of its own
    second = invoke(server, name, 2)
    assert (first.value, second.value) == ([True, 1], [True, 2])
    server.client("lambda").delete_function(FunctionName=name)
    messages = wait_for_log(server, name, "told SHUTDOWN spindown")
    text = "".join(messages)
    for answer in (first, second):
        assert f"[watcher] told INVOKE {answer.request_id}\n" in messages
    assert text.index("EXTENSION\t") < text.index("START RequestId")
    assert text.index("the runtime says goodbye") < text.index("told SHUTDOWN")


def test_an_extension_that_cannot_start_ends_the_environment_either_way(server: Server) -> None:
    layer = publish_files(server, "prewarm-broken", {"extensions/broken": b"this is no program"})
    answers = []
    for name, more in (("broken-ahead", {}), ("broken-alone", variables(TZ=":UTC"))):
        deploy_node(server, name, "exports.handler = async () => 1;", Layers=[layer], **more)
        wait_for_prestarted(server)
        answer = invoke(server, name)
        answers.append((answer.error, answer.value["errorType"]))
    assert answers[0] == answers[1] == ("Unhandled", "Extension.LaunchError")


def test_an_internal_extension_registers_before_the_handler_is_ready(server: Server) -> None:
    name = deploy_node(server, "prewarm-internal", _INTERNAL, file="index.mjs")
    wait_for_prestarted(server)
    answer = invoke(server, name, 1)
    assert answer.value == [True, 1]
    wait_for_log(server, name, f"within was told INVOKE {answer.request_id}")


def test_several_at_once_run_in_a_program_that_was_started_ahead(server: Server) -> None:
    source = f"""
    const fs = require('fs');
    exports.handler = async (event, context) => {{
      fs.writeFileSync(`/tmp/arrived-${{event.number}}`, '');
      while (fs.readdirSync('/tmp').length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
      console.log('met', event.number);
      return [{IS_PRESTARTED}, event.number, awslambda.InvokeStore.getRequestId() === context.awsRequestId, process.cwd(),
        process.env._ALONZO_ASSIGNMENT_FD ?? null, process.env.OWN];
    }};
    """
    configuration = {"Runtime": "nodejs22.x", "Handler": "index.handler"} | variables(OWN="ü")
    name = deploy_shared(server, "prewarm-several", zip_of({"index.js": source}), max_concurrency=4, **configuration)
    wait_for_prestarted(server)
    answers = invoke_together(server, name, [{"number": number} for number in range(4)])
    assert [answer.value for answer in answers] == [[True, number, True, "/var/task", None, "ü"] for number in range(4)]
    messages = wait_for_log(server, name, "met ", count=4)
    records = [json.loads(message) for message in messages if message.startswith("{")]
    met = {record["requestId"]: record["message"] for record in records if str(record.get("message", "")).startswith("met")}
    assert met == {answer.request_id: f"met {number}" for number, answer in enumerate(answers)}


def test_a_wrapper_of_a_layer_with_an_extension_beside_it(server: Server) -> None:
    files: dict[str, str | bytes] = {"wrapper": '#!/bin/sh\nexport WRAPPED=yes\nexec "$@" --extra\n', "extensions/watcher": PROGRAM}
    layer = publish_files(server, "prewarm-wrapping", files)
    source = f"exports.handler = async () => [{IS_PRESTARTED}, process.env.WRAPPED, process.argv.includes('--extra')];"
    name = deploy_node(server, "prewarm-wrapped", source, Layers=[layer], **variables(AWS_LAMBDA_EXEC_WRAPPER="/opt/wrapper"))
    wait_for_prestarted(server)
    assert succeed(server, name) == [False, "yes", True]
    wait_for_log(server, name, "[watcher] told INVOKE")


def test_a_machine_sdk_is_found_by_what_was_started_ahead(start_server: StartServer, tmp_path: Path) -> None:
    package = tmp_path / "modules" / "@aws-sdk" / "greeter"
    package.mkdir(parents=True)
    (package / "index.js").write_text("exports.greet = (name) => `hello ${name}`;")
    server = start_server("--node-modules", str(tmp_path / "modules"))
    source = f"const {{ greet }} = require('@aws-sdk/greeter'); exports.handler = async (event) => [{IS_PRESTARTED}, greet(event)];"
    name = deploy_node(server, "prewarm-sdk", source)
    wait_for_prestarted(server)
    assert succeed(server, name, "Ada") == [True, "hello Ada"]
