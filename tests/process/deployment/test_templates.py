"""`alonzo up DIR` and `alonzo deploy` with a template of SAM: a stack, and afterwards its functions and layers one by one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.deploying import BOOTSTRAP, Watched, deploy, write
from tests.support.invoking import invoke, succeed
from tests.support.server import Server
from tests.support.toolchains import require_tool
from tests.support.waiting import eventually

TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
Globals:
  Function: {Runtime: python3.12, Timeout: 10}
Resources:
  Api:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: api
      CodeUri: api/
      Handler: app.handler
      Layers: [!Ref Shared]
      Environment: {Variables: {STAGE: !Ref Stage}}
  Made:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: made, CodeUri: made/, Handler: any, Runtime: provided.al2023}
    Metadata: {BuildMethod: makefile}
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {LayerName: shared, ContentUri: layer/, CompatibleRuntimes: [python3.12]}
Outputs:
  ApiArn: {Value: !GetAtt Api.Arn, Description: the first function}
"""
PYTHON = "import os, shared\ndef handler(event, context):\n    return [1, shared.VALUE, os.environ['STAGE']]\n"
MAKEFILE = "build-Made:\n\tsed s/ANSWER/1/ bootstrap.in > $(ARTIFACTS_DIR)/bootstrap\n\tchmod +x $(ARTIFACTS_DIR)/bootstrap\n"
FAILING = """
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: failing, Runtime: cobol, Handler: app.handler, Code: api, Role: "arn:aws:iam::000000000000:role/any"}
"""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    require_tool("make")
    root = tmp_path_factory.mktemp("watched")
    files = {
        "template.yaml": TEMPLATE,
        "api/app.py": PYTHON,
        "made/Makefile": MAKEFILE,
        "made/bootstrap.in": BOOTSTRAP.replace("from a program", "ANSWER"),
        "layer/python/shared.py": "VALUE = 1\n",
    }
    directory = write(root / "shop", files)
    environment = {"XDG_CACHE_HOME": str(root / "cache")}
    with Server.start(str(directory), data_directory=root / "alonzo", environment=environment) as server:
        running = Watched(server, directory)
        running.wait_for_line("stack shop is live after ")
        running.wait_for_line("ApiArn = arn:aws:lambda:us-east-1:000000000000:function:api  (the first function)")
        running.wait_for_line("watching ")
        yield running


def test_a_stack_is_made_of_a_template(watched: Watched) -> None:
    assert succeed(watched.server, "api") == [1, 1, "dev"]
    assert succeed(watched.server, "made") == "1"


def test_saved_code_is_live_without_the_stack(watched: Watched) -> None:
    (watched.directory / "api" / "app.py").write_text(PYTHON.replace("[1,", "[2,"))
    watched.wait_for_line("api/app.py changed: Api is live after ")
    assert succeed(watched.server, "api") == [2, 1, "dev"]


def test_a_saved_layer_is_live_in_the_functions_that_use_it(watched: Watched) -> None:
    (watched.directory / "layer" / "python" / "shared.py").write_text("VALUE = 2\n")
    watched.wait_for_line("layer/python/shared.py changed: Shared is live in api after ")
    assert succeed(watched.server, "api") == [2, 2, "dev"]


def test_what_make_builds_is_live(watched: Watched) -> None:
    (watched.directory / "made" / "Makefile").write_text(MAKEFILE.replace("ANSWER/1", "ANSWER/2"))
    watched.wait_for_line("made/Makefile changed: Made is live after ")
    assert succeed(watched.server, "made") == "2"


def test_a_changed_template_changes_the_stack(watched: Watched) -> None:
    template = watched.directory / "template.yaml"
    template.write_text(TEMPLATE.replace("Resources:", "Resources: ["))
    watched.wait_for_line("template.yaml: while parsing")
    template.write_text(TEMPLATE.replace("Default: dev", "Default: prod"))
    watched.wait_for_line("stack shop is live after ")
    assert succeed(watched.server, "api") == [2, 2, "prod"]


def test_a_stack_that_is_as_it_was_still_gets_the_code_back(watched: Watched, tmp_path: Path) -> None:
    """What is live may have gone past the stack, which then sees no change."""
    source = watched.directory / "api" / "app.py"
    source.write_text(PYTHON.replace("[1,", "[3,"))
    eventually(lambda: invoke(watched.server, "api").value[0] == 3, what="the saved code is live")
    copy = write(
        tmp_path / "shop", {"template.yaml": TEMPLATE.replace("Default: dev", "Default: prod"), "api/app.py": PYTHON.replace("[1,", "[2,")}
    )
    write(copy, {name: (watched.directory / name).read_text() for name in ("made/Makefile", "made/bootstrap.in", "layer/python/shared.py")})
    assert "stack shop is as it was" in deploy(watched.server, str(copy), cache=tmp_path / "cache")
    assert succeed(watched.server, "api") == [2, 2, "prod"]


def test_the_reason_of_a_resource_is_shown(watched: Watched, tmp_path: Path) -> None:
    write(tmp_path, {"failing.yaml": FAILING, "api/app.py": PYTHON})
    said = deploy(watched.server, str(tmp_path / "failing.yaml"), "--name", "failing", cache=tmp_path / "cache", expect=1)
    assert "Function (AWS::Lambda::Function)" in said
    assert "cobol" in said
    said = deploy(watched.server, str(tmp_path / "failing.yaml"), "--memory", "256", cache=tmp_path / "cache", expect=2)
    assert "--memory cannot be given as well" in said


@pytest.mark.thorough
def test_the_stack_is_there_after_a_restart(watched: Watched, tmp_path: Path) -> None:
    """Last of the module: it ends the server."""
    watched.server.stop()
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with Server.start(str(watched.directory), data_directory=watched.server.data_directory, environment=environment) as server:
        again = Watched(server, watched.directory)
        again.wait_for_line("stack shop is ")
        again.wait_for_line("watching ")
        assert succeed(server, "made") == "2"
