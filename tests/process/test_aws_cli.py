"""The unmodified AWS CLI: create, invoke, update, logs, delete, as a user types it."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.aws_cli import AWS
from tests.support.invoking import wait_for_log
from tests.support.server import ROLE, Server, zip_of

CODE = """
import os

def handler(event, context):
    print("hi")
    return [event, os.environ.get("MOOD")]
"""


def aws(server: Server, *arguments: str, expect: int = 0) -> Any:
    """Run the AWS CLI against the server; its JSON output, or with another exit status than 0 what it says."""
    command = [AWS, *arguments]
    done = subprocess.run(command, env=server.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stderr
    if expect:
        return done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_the_life_of_a_function(server: Server, tmp_path: Path) -> None:
    package = tmp_path / "function.zip"
    package.write_bytes(zip_of({"app.py": CODE}))
    output = tmp_path / "out.json"
    created = aws(
        server,
        *("lambda", "create-function", "--function-name", "typed", "--runtime", "python3.12", "--handler", "app.handler"),
        *("--role", ROLE, "--zip-file", f"fileb://{package}", "--environment", "Variables={MOOD=sunny}"),
    )
    assert created["State"] == "Pending"
    aws(server, "lambda", "wait", "function-active-v2", "--function-name", "typed")
    answer = aws(server, "lambda", "invoke", "--function-name", "typed", "--payload", '{"a": 1}', "--log-type", "Tail", str(output))
    assert answer["StatusCode"] == 200
    assert json.loads(output.read_text()) == [{"a": 1}, "sunny"]
    assert b"\nhi\n" in base64.b64decode(answer["LogResult"])
    aws(server, "lambda", "update-function-configuration", "--function-name", "typed", "--environment", "Variables={MOOD=stormy}")
    aws(server, "lambda", "wait", "function-updated-v2", "--function-name", "typed")
    aws(server, "lambda", "invoke", "--function-name", "typed", str(output))
    assert json.loads(output.read_text()) == [{}, "stormy"]
    wait_for_log(server, "typed", "REPORT RequestId", count=2)
    events = aws(server, "logs", "filter-log-events", "--log-group-name", "/aws/lambda/typed")["events"]
    assert sum(event["message"] == "hi\n" for event in events) == 2
    functions = aws(server, "lambda", "list-functions")["Functions"]
    assert "typed" in [function["FunctionName"] for function in functions]
    aws(server, "lambda", "delete-function", "--function-name", "typed")
    refused = aws(server, "lambda", "get-function", "--function-name", "typed", expect=255)
    assert "ResourceNotFoundException" in refused


def test_versions_aliases_and_settings(server: Server, tmp_path: Path) -> None:
    server.deploy("settled", CODE)
    output = tmp_path / "out.json"
    named = ("--function-name", "settled")
    assert aws(server, "lambda", "publish-version", *named, "--description", "first")["Version"] == "1"
    aws(server, "lambda", "wait", "published-version-active", *named, "--qualifier", "1")
    alias = aws(server, "lambda", "create-alias", *named, "--name", "live", "--function-version", "1")
    assert alias["AliasArn"].endswith(":settled:live")
    assert aws(server, "lambda", "invoke", *named, "--qualifier", "live", str(output))["ExecutedVersion"] == "1"
    aws(server, "lambda", "put-function-concurrency", *named, "--reserved-concurrent-executions", "5")
    function = aws(server, "lambda", "get-function", *named)
    assert function["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    source = ("--source-arn", "arn:aws:s3:::bucket")
    permission = ("--statement-id", "bucket", "--action", "lambda:InvokeFunction", "--principal", "s3.amazonaws.com", *source)
    aws(server, "lambda", "add-permission", *named, *permission)
    (statement,) = json.loads(aws(server, "lambda", "get-policy", *named)["Policy"])["Statement"]
    assert statement["Sid"] == "bucket"
    arn = function["Configuration"]["FunctionArn"]
    aws(server, "lambda", "tag-resource", "--resource", arn, "--tags", "team=search")
    assert aws(server, "lambda", "list-tags", "--resource", arn)["Tags"] == {"team": "search"}
    aws(server, "lambda", "delete-function", *named)
    assert "ResourceNotFoundException" in aws(server, "lambda", "get-alias", *named, "--name", "live", expect=255)


def test_long_lists_come_in_pages(server: Server) -> None:
    server.deploy("paged", CODE)
    for number in range(3):
        description = ("--description", str(number))
        aws(server, "lambda", "update-function-configuration", "--function-name", "paged", *description)
        aws(server, "lambda", "wait", "function-updated-v2", "--function-name", "paged")
        aws(server, "lambda", "publish-version", "--function-name", "paged")
    listing = ("lambda", "list-versions-by-function", "--function-name", "paged")
    every = aws(server, *listing, "--page-size", "1")["Versions"]
    assert [version["Version"] for version in every] == ["$LATEST", "1", "2", "3"]
    begun = aws(server, *listing, "--max-items", "3")
    rest = aws(server, *listing, "--starting-token", begun["NextToken"])
    assert [*begun["Versions"], *rest["Versions"]] == every


def test_a_failing_function_is_an_answer_and_not_an_error(server: Server, tmp_path: Path) -> None:
    server.deploy("fails", "def handler(event, context):\n    raise ValueError('no')\n")
    answer = aws(server, "lambda", "invoke", "--function-name", "fails", str(tmp_path / "out.json"))
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads((tmp_path / "out.json").read_text())["errorMessage"] == "no"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("lambda", "invoke", "--function-name", "nobody", "/dev/null"), "ResourceNotFoundException"),
        (("lambda", "publish-version", "--function-name", "nobody"), "ResourceNotFoundException"),
        (("lambda", "create-function", "--function-name", "nobody", "--role", "nobody", "--code", "ImageUri=image"), "ValidationException"),
        (("logs", "describe-deliveries"), "NotImplementedException"),
    ],
)
def test_refusals_are_told_by_their_code(server: Server, arguments: tuple[str, ...], code: str) -> None:
    assert code in aws(server, *arguments, expect=255)
