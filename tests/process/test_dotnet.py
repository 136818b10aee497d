"""How .NET functions are started. A stand-in for `dotnet` answers with what it was told: the machines of these tests have no real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool

STAND_IN = """#!/bin/sh
if [ "$1" = --list-runtimes ]; then
  echo "Microsoft.AspNetCore.App 8.0.11 [/somewhere/shared/Microsoft.AspNetCore.App]"
  echo "Microsoft.NETCore.App 6.0.36 [/somewhere/shared/Microsoft.NETCore.App]"
  echo "Microsoft.NETCore.App 8.0.11 [/somewhere/shared/Microsoft.NETCore.App]"
  exit
fi
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  HEAD=$(mktemp)
  curl -sS -D "$HEAD" -o /dev/null "$API/invocation/next"
  ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEAD" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS -o /dev/null "$API/invocation/$ID/response" -d "\\"$0 $* DOTNET_ROOT=$DOTNET_ROOT NAME=$LAMBDA_RUNTIME_NAME WRAPPED=$WRAPPED\\""
done
"""
HANDLER = "App::App.Function::FunctionHandler"
CLIENT = "Amazon.Lambda.RuntimeSupport.dll"
LIBRARY = {"App.dll": "", "App.deps.json": "{}", "App.runtimeconfig.json": "{}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a machine with .NET 6 and 8 and the client for class libraries."""
    require_tool("curl")
    directory = tmp_path_factory.mktemp("dotnet")
    program = directory / "sdk" / "dotnet"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    client = directory / "cache" / "alonzo" / "dotnet"
    client.mkdir(parents=True)
    (client / CLIENT).touch()
    with _start(directory, {"XDG_CACHE_HOME": str(directory / "cache")}) as running:
        yield running


def _start(directory: Path, environment: dict[str, str]) -> Server:
    path = f"{directory / 'sdk'}:/usr/sbin:/usr/bin:/sbin:/bin"
    return Server.start(data_directory=directory / "alonzo", environment={"PATH": path} | environment)


def deploy(server: Server, name: str, files: dict[str, str], **more: Any) -> str:
    client = server.client("lambda")
    configuration = {"Runtime": "dotnet8", "Handler": HANDLER, "Role": ROLE, "MemorySize": 256} | more
    client.create_function(FunctionName=name, Code={"ZipFile": zip_of(dict(files))}, **configuration)
    server.wait_until_settled(name)
    return name


def told(server: Server, name: str) -> list[str]:
    """The words of the command line, and the variables."""
    words: list[str] = succeed(server, name).split()
    return words


@pytest.mark.parametrize(
    ("name", "files", "variables", "assembly"),
    [
        ("named", LIBRARY | {"Other.deps.json": "{}", "Other.runtimeconfig.json": "{}"}, {}, "App"),
        ("only-one", {"Else.deps.json": "{}", "Else.runtimeconfig.json": "{}"}, {}, "Else"),
        (
            "by-variable",
            LIBRARY | {"Main.deps.json": "{}", "Main.runtimeconfig.json": "{}"},
            {"LAMBDA_DOTNET_MAIN_ASSEMBLY": "Main.dll"},
            "Main",
        ),
    ],
)
def test_class_libraries_run_in_awss_client(
    server: Server, name: str, files: dict[str, str], variables: dict[str, str], assembly: str
) -> None:
    words = told(server, deploy(server, f"library-{name}", files, Environment={"Variables": variables}))
    assert words == [
        *("/var/program/dotnet", "exec", "--depsfile", f"/var/task/{assembly}.deps.json"),
        *("--runtimeconfig", f"/var/task/{assembly}.runtimeconfig.json", f"/var/runtime/dotnet/{CLIENT}", HANDLER),
        *("DOTNET_ROOT=/var/program", "NAME=dotnet8", "WRAPPED="),
    ]


@pytest.mark.parametrize("handler", ["App", "App.dll"])
def test_executable_assemblies_run_themselves(server: Server, handler: str) -> None:
    words = told(server, deploy(server, "executable-" + handler.replace(".", "-"), LIBRARY, Handler=handler))
    assert words[:3] == ["/var/program/dotnet", "exec", "/var/task/App.dll"]


def test_native_programs_need_no_dotnet(server: Server) -> None:
    words = told(server, deploy(server, "native", {"App": STAND_IN}, Handler="App"))
    assert words[0] == "/var/task/App"


def test_a_later_dotnet_is_told_to_stand_in(server: Server) -> None:
    name = deploy(server, "later", LIBRARY, Runtime="dotnet10")
    assert told(server, name)[:5] == ["/var/program/dotnet", "exec", "--roll-forward", "Major", "--depsfile"]
    assert "dotnet10 is not installed on this machine: running on .NET 8.0.11" in "".join(wait_for_log(server, name, "REPORT RequestId"))
    assert "--roll-forward" not in told(server, deploy(server, "earlier", LIBRARY, Runtime="dotnet6"))


def test_a_wrapper_starts_it(server: Server) -> None:
    wrapper = '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n'
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}
    assert (
        told(server, deploy(server, "wrapped", LIBRARY | {"wrapper": wrapper}, Environment={"Variables": variables}))[-1] == "WRAPPED=yes"
    )


@pytest.mark.parametrize(
    ("files", "handler", "status", "message"),
    [
        ({"Other.dll": ""}, "App", 104, "executable assembly /var/task/App.dll or binary /var/task/App not found."),
        ({"App.dll": ""}, HANDLER, 105, "is missing the required .deps.json file."),
        ({"App.deps.json": ""}, HANDLER, 106, "is missing the required .runtimeconfig.json file."),
    ],
)
def test_what_is_missing_is_said_in_awss_words(server: Server, files: dict[str, str], handler: str, status: int, message: str) -> None:
    name = deploy(server, f"missing-{status}", files, Handler=handler)
    answer = invoke(server, name)
    assert answer.value["errorMessage"].endswith(f"Error: Runtime exited with error: exit status {status}")
    assert f"{message}\n" in "".join(wait_for_log(server, name, "REPORT RequestId"))


def test_without_the_client_class_libraries_say_so_and_may_bring_it(server: Server, tmp_path: Path) -> None:
    program = tmp_path / "sdk" / "dotnet"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    with _start(tmp_path, {"XDG_CACHE_HOME": str(tmp_path / "cache")}) as without:
        answer = invoke(without, deploy(without, "no-client", LIBRARY))
        assert answer.value["errorMessage"].endswith("exit status 107")
        assert f"class libraries need {CLIENT}" in "".join(wait_for_log(without, "no-client", "REPORT RequestId"))
        own = {CLIENT: "", CLIENT.replace(".dll", ".runtimeconfig.json"): "{}"}
        assert f"/var/task/{CLIENT}" in told(without, deploy(without, "own-client", LIBRARY | own))
