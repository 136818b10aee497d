"""Recursive loops: the lineage travels with the SDK's calls, and who goes round too often is stopped."""

import json
import re
import urllib.request
from typing import Any

import pytest
from tests.support.invoking import invoke, succeed
from tests.support.server import Server

TRACE = "import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n"

CALLS_ITSELF = """
import json, os
import boto3

def handler(event, context):
    if not event:
        return [os.environ["_X_AMZN_TRACE_ID"]]
    answer = boto3.client("lambda").invoke(FunctionName=context.function_name, Payload=json.dumps(event - 1))
    return [os.environ["_X_AMZN_TRACE_ID"], *json.load(answer["Payload"])]
"""

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


class Tracing:
    """A client that sends a trace header."""

    def __init__(self, server: Server) -> None:
        self.client = server.client("lambda")
        self.header = ROOT
        self.client.meta.events.register("before-sign.lambda", self._add_header)

    def invoke(self, name: str, **parameters: Any) -> str:
        """The header that the function sees, which is the one that is sent from now on."""
        answer = self.client.invoke(FunctionName=name, **parameters)
        self.header = json.load(answer["Payload"])
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"] == self.header
        return self.header

    def _add_header(self, request: Any, **_: Any) -> None:
        request.headers.add_header("X-Amzn-Trace-Id", self.header)


def counts(header: str) -> list[int]:
    return [int(entry.rpartition(":")[2]) for entry in header.rpartition("Lineage=")[2].split("|")]


def test_a_function_that_invokes_itself_is_counted_by_the_sdk_s_calls(server: Server) -> None:
    server.deploy("itself", CALLS_ITSELF, MemorySize=1024, Timeout=60)
    headers = succeed(server, "itself", 2)
    assert [counts(header) for header in headers] == [[0], [1], [2]]
    assert len({re.match("Root=[^;]+", header)[0] for header in headers}) == 1  # type: ignore[index]


def test_the_seventeenth_invocation_of_a_chain_is_refused(server: Server) -> None:
    server.deploy("round", TRACE)
    tracing = Tracing(server)
    for number in range(16):
        assert counts(tracing.invoke("round")) == [number]
    with pytest.raises(tracing.client.exceptions.RecursiveInvocationException) as refused:
        tracing.invoke("round")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "recursive loop" in refused.value.response["Error"]["Message"]
    with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics") as page:
        assert (
            'alonzo_recursive_invocations_dropped_total{account="000000000000",region="us-east-1",function="round"} 1'
            in page.read().decode()
        )

    tracing.client.put_function_recursion_config(FunctionName="round", RecursiveLoop="Allow")
    assert counts(tracing.invoke("round")) == [16]


def test_each_function_of_a_chain_is_counted_for_itself_whatever_its_versions(server: Server) -> None:
    server.deploy("first", TRACE)
    server.deploy("second", TRACE)
    server.client("lambda").publish_version(FunctionName="first")
    tracing = Tracing(server)
    tracing.invoke("first")
    tracing.invoke("second")
    assert counts(tracing.invoke("first", Qualifier="1")) == [0, 1]


def test_other_chains_go_on(server: Server) -> None:
    server.deploy("shared", TRACE)
    tracing = Tracing(server)
    for _ in range(16):
        tracing.invoke("shared")
    assert invoke(server, "shared").error is None
    tracing.header = ROOT
    assert counts(tracing.invoke("shared")) == [0]


@pytest.mark.parametrize("header", ["Lineage=" + "|" * 500, "x" * 5_000, ";;;=;Lineage=\t\xe9", f"{ROOT};Lineage=zz:1|aaaaaaaa:99999999"])
def test_a_header_that_makes_no_sense_is_no_hindrance(server: Server, header: str) -> None:
    name = "anything"
    if name not in [function["FunctionName"] for function in server.client("lambda").list_functions()["Functions"]]:
        server.deploy(name, TRACE)
    request = urllib.request.Request(
        f"{server.endpoint_url}/2015-03-31/functions/{name}/invocations", data=b"{}", headers={"X-Amzn-Trace-Id": header}
    )
    with urllib.request.urlopen(request) as answer:
        assert counts(json.load(answer)) == [0]
