"""Custom resources: functions that CloudFormation asks, and that answer by a PUT to the URL they are given."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.security.unprivileged import start_unprivileged
from tests.support.invoking import wait_for_log
from tests.support.server import ROLE, Server
from tests.support.stacks import create_stack, delete_stack, history_of, outputs_of, reason_of, update_stack
from tests.support.toolchains import require_tool

ANSWERS = """
import cfnresponse, json

def handler(event, context):
    print("ASKED", json.dumps(event))
    properties = event["ResourceProperties"]
    if properties.get("Silent"):
        return
    status = "FAILED" if properties.get("Fails") == event["RequestType"] else "SUCCESS"
    data = {"Said": f"{event['RequestType']} {properties['Word']}", "Old": event.get("OldResourceProperties", {}).get("Word", "none")}
    cfnresponse.send(event, context, status, data, f"id-{properties['Id']}", reason="it had to fail")
"""
NODE = """
const response = require("cfn-response");
exports.handler = (event, context) => response.send(event, context, response.SUCCESS, { Said: "from node" }, "id-node");
"""
BY_HTTPS = """
const https = require("https"), url = require("url");
const put = (hostname, path, body) => new Promise((resolve, reject) => {
  const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
  const request = https.request({ hostname, path, method: "PUT", headers }, (answer) => resolve(answer.resume().statusCode));
  request.on("error", reject);
  request.end(body);
});
exports.handler = async ({ ResponseURL, StackId, RequestId, LogicalResourceId }) => {
  const { hostname, path, pathname } = url.parse(ResponseURL);
  const Elsewhere = await put(hostname, "/2015-03-31/functions/", "{}");
  const Forged = await put(hostname, `${pathname}?Signature=guessed`, "{}");
  const Data = { Said: "by HTTPS", Elsewhere, Forged };
  const body = JSON.stringify({ Status: "SUCCESS", PhysicalResourceId: "id-https", StackId, RequestId, LogicalResourceId, Data });
  console.log("ANSWERED", await put(hostname, path, body), await put(hostname, path, body));
};
"""


def template(source: str = ANSWERS, runtime: str = "python3.11", **properties: Any) -> dict[str, Any]:
    function = {"Handler": "index.handler", "Runtime": runtime, "Role": ROLE, "Timeout": 20, "Code": {"ZipFile": source}}
    asked = {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Word": "hello", "Id": 1, **properties}
    return {
        "Resources": {
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Custom": {"Type": "Custom::Thing", "Properties": asked},
        },
        "Outputs": {
            "Said": {"Value": {"Fn::GetAtt": ["Custom", "Said"]}},
            "Id": {"Value": {"Ref": "Custom"}},
            "Function": {"Value": {"Ref": "Function"}},
        },
    }


def asked(server: Server, function: str, count: int) -> list[dict[str, Any]]:
    lines = wait_for_log(server, function, "ASKED", count=count)
    return [json.loads(line.partition("ASKED ")[2]) for line in lines if "ASKED" in line]


def test_a_function_makes_changes_and_deletes_a_resource(server: Server) -> None:
    made = outputs_of(create_stack(server, "custom", template()))
    assert (made["Said"], made["Id"]) == ("Create hello", "id-1")
    changed = outputs_of(update_stack(server, "custom", template(Word="bye")))
    assert (changed["Said"], changed["Id"]) == ("Update bye", "id-1")
    replaced = outputs_of(update_stack(server, "custom", template(Word="bye", Id=2)))
    assert (replaced["Said"], replaced["Id"]) == ("Update bye", "id-2")
    assert delete_stack(server, "custom")["StackStatus"] == "DELETE_COMPLETE"
    events = asked(server, made["Function"], 5)
    assert [(event["RequestType"], event.get("PhysicalResourceId")) for event in events] == [
        ("Create", None),
        ("Update", "id-1"),
        ("Update", "id-1"),
        ("Delete", "id-1"),  # the one that was replaced
        ("Delete", "id-2"),
    ]
    assert events[1]["OldResourceProperties"]["Word"] == "hello"
    assert (events[0]["ResourceProperties"]["Id"], events[0]["ResourceType"]) == ("1", "Custom::Thing")


def test_a_function_that_fails_fails_the_stack_and_is_asked_to_clean_up(server: Server) -> None:
    stack = create_stack(server, "failing", template(Fails="Create"))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Received response status [FAILED] from custom resource. Message returned: it had to fail" in reason_of(
        server, stack["StackId"], "Custom"
    )
    assert ("Custom", "DELETE_COMPLETE") in history_of(server, stack["StackId"])


@pytest.mark.thorough
def test_a_function_that_does_not_answer_is_given_up(server: Server) -> None:
    stack = create_stack(server, "silent", template(Silent=True, ServiceTimeout=1))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "did not receive a response from your Custom Resource" in reason_of(server, stack["StackId"], "Custom")


@pytest.mark.thorough
def test_node_finds_its_module_too(server: Server) -> None:
    assert outputs_of(create_stack(server, "node", template(NODE, "nodejs22.x")))["Said"] == "from node"


def answer_by_https(server: Server) -> None:
    """A stack whose handler takes the host and the path of the URL alone, as those of the CDK in Node.js do."""
    wanted = template(BY_HTTPS, "nodejs22.x")
    for name in ("Elsewhere", "Forged"):
        wanted["Outputs"][name] = {"Value": {"Fn::GetAtt": ["Custom", name]}}
    made = outputs_of(create_stack(server, "https", wanted))
    assert (made["Said"], made["Id"], made["Elsewhere"], made["Forged"]) == ("by HTTPS", "id-https", "404", "403")
    assert any("ANSWERED 200 200" in line for line in wait_for_log(server, made["Function"], "ANSWERED"))


def test_a_handler_may_answer_by_https_without_a_port(server: Server) -> None:
    require_tool("node")
    answer_by_https(server)


@pytest.mark.thorough
@pytest.mark.parametrize("options", [("--network", "isolated"), ("--isolation", "process"), ("--workers", "2", "--network", "isolated")])
def test_so_it_may_in_every_kind_of_sandbox(start_server: Callable[..., Server], options: tuple[str, ...]) -> None:
    require_tool("node")
    server = start_server(*options)
    answer_by_https(server)
    assert outputs_of(create_stack(server, "http", template()))["Said"] == "Create hello"


@pytest.mark.thorough
def test_so_it_may_for_an_unprivileged_user() -> None:
    require_tool("node")
    with tempfile.TemporaryDirectory(prefix="alonzo-rootless-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with start_unprivileged(Path(name)) as server:
            answer_by_https(server)


@pytest.mark.thorough
def test_the_same_address_serves_after_a_restart(start_server: Callable[..., Server]) -> None:
    """Whoever was asked before and answers late is not sent astray."""
    asked_at = []
    for name in ("once", "again"):
        with start_server() as server:
            made = outputs_of(create_stack(server, name, template()))
            asked_at.append(urlsplit(asked(server, made["Function"], 1)[0]["ResponseURL"]).netloc)
    assert asked_at[0] == asked_at[1]
