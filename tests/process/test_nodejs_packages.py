"""Packages beside a JavaScript function's own: the AWS SDK of the machine and those of layers, for `require` and for `import`."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.invoking import invoke, succeed
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool

RUNTIME = "nodejs20.x"
SDK = "@aws-sdk/client-lambda@3"


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The AWS SDK for JavaScript, as `npm install` lays it out, and a package of ours beside it."""
    prefix = tmp_path_factory.mktemp("npm")
    subprocess.run([require_tool("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(prefix), SDK], check=True)
    both = prefix / "node_modules" / "both-kinds"
    both.mkdir()
    (both / "package.json").write_text('{"exports": {"import": "./index.mjs", "require": "./index.cjs"}}')
    (both / "index.mjs").write_text("export const kind = 'import';")
    (both / "index.cjs").write_text("exports.kind = 'require';")
    return prefix / "node_modules"


def deploy(server: Server, name: str, files: dict[str, str | bytes], **more: Any) -> str:
    client = server.client("lambda")
    configuration = {"Runtime": RUNTIME, "Handler": "index.handler", "Role": ROLE, "Timeout": 30, "MemorySize": 256} | more
    client.create_function(FunctionName=name, Code={"ZipFile": zip_of(files)}, **configuration)
    server.wait_until_settled(name)
    return name


_LISTS = """
const list = async () => (await new LambdaClient({}).send(new ListFunctionsCommand({}))).Functions.map((each) => each.FunctionName);
"""
_REQUIRES = f"""
const {{ LambdaClient, ListFunctionsCommand }} = require("@aws-sdk/client-lambda");
{_LISTS}
exports.handler = async () => [await list(), require("both-kinds").kind];
"""
_IMPORTS = f"""
import {{ LambdaClient, ListFunctionsCommand }} from "@aws-sdk/client-lambda";
import {{ kind }} from "both-kinds";
{_LISTS}
export const handler = async () => [await list(), kind];
"""


@pytest.mark.parametrize("isolation", ["namespaces", "process"])
def test_the_aws_sdk_of_the_machine_is_there_and_finds_the_endpoint(start_server: StartServer, node_modules: Path, isolation: str) -> None:
    server = start_server("--isolation", isolation, "--node-modules", str(node_modules))
    deploy(server, "requires", {"index.js": _REQUIRES})
    deploy(server, "imports", {"index.mjs": _IMPORTS})
    assert succeed(server, "requires") == [["imports", "requires"], "require"]
    assert succeed(server, "imports") == [["imports", "requires"], "import"]


def test_where_it_lies_in_a_sandbox_is_as_on_aws(start_server: StartServer, node_modules: Path) -> None:
    server = start_server("--node-modules", str(node_modules))
    source = """
        const { existsSync, writeFileSync } = require("node:fs");
        exports.handler = async () => {
          let refused = "";
          try { writeFileSync("/var/runtime/node_modules/both-kinds/own", ""); } catch (error) { refused = error.code; }
          return [require.resolve("@aws-sdk/client-lambda").startsWith("/var/runtime/node_modules/@aws-sdk/"), refused];
        };
    """
    assert succeed(server, deploy(server, "looks", {"index.js": source})) == [True, "EROFS"]


def test_the_packages_own_come_before_those_of_the_machine(start_server: StartServer, node_modules: Path) -> None:
    server = start_server("--node-modules", str(node_modules))
    own = {"node_modules/both-kinds/package.json": '{"exports": "./own.js"}', "node_modules/both-kinds/own.js": "exports.kind = 'own';"}
    imports = deploy(
        server, "imports-own", {"index.mjs": 'import { kind } from "both-kinds"; export const handler = async () => kind;'} | own
    )
    requires = deploy(server, "requires-own", {"index.js": 'exports.handler = async () => require("both-kinds").kind;'} | own)
    assert (succeed(server, imports), succeed(server, requires)) == ("own", "own")


def test_global_packages_of_npm_are_found_if_the_sdk_is_among_them(start_server: StartServer, tmp_path: Path) -> None:
    directory = tmp_path / "global" / "lib" / "node_modules" / "@aws-sdk" / "client-own"
    directory.mkdir(parents=True)
    (directory / "index.js").write_text("exports.own = 1;")
    (tmp_path / ".npmrc").write_text("prefix=${HOME}/global\n")
    server = start_server(environment={"HOME": str(tmp_path)})
    assert succeed(server, deploy(server, "global", {"index.js": 'exports.handler = async () => require("@aws-sdk/client-own");'})) == {
        "own": 1
    }


@pytest.mark.parametrize("path", ["nodejs/node_modules", "nodejs/node20/node_modules"])
def test_packages_of_layers_can_be_imported(server: Server, path: str) -> None:
    layer = server.client("lambda").publish_layer_version(
        LayerName=path.replace("/", "-"),
        Content={
            "ZipFile": zip_of(
                {
                    f"{path}/greeter/package.json": '{"type": "module", "exports": {".": "./index.js", "./deep": "./deep.js"}}',
                    f"{path}/greeter/index.js": 'import { word } from "words"; export const greet = (name) => `${word} ${name}`;',
                    f"{path}/greeter/deep.js": "export default 7;",
                    f"{path}/words/index.js": "exports.word = 'hello';",
                }
            )
        },
    )["LayerVersionArn"]
    source = """
        import { greet } from "greeter";
        import deep from "greeter/deep";
        export const handler = (event, context, callback) => {
          setTimeout(async () => callback(null, [greet(event), deep, (await import("words")).word]), 5);
        };
    """
    name = deploy(server, path.replace("/", "-"), {"index.mjs": source}, Layers=[layer])
    assert [succeed(server, name, "Ada") for _ in range(2)] == [["hello Ada", 7, "hello"]] * 2


def test_a_package_that_is_nowhere_is_an_error_of_init(server: Server) -> None:
    layer = server.client("lambda").publish_layer_version(
        LayerName="other", Content={"ZipFile": zip_of({"nodejs/node_modules/other/index.js": ""})}
    )["LayerVersionArn"]
    answer = invoke(server, deploy(server, "nowhere", {"index.mjs": 'import "nope"; export const handler = 1;'}, Layers=[layer]))
    assert answer.value["errorType"] == "Runtime.ImportModuleError"
    assert "Cannot find package 'nope' imported from /var/task/index.mjs" in answer.value["errorMessage"]
