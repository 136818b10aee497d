"""Versions and aliases, invoked: which of them runs, and what the function learns of it."""

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import invoke, succeed
from tests.support.server import Server, zip_of

_ARN = "arn:aws:lambda:us-east-1:000000000000:function"
_SOURCE = (
    "import os\n"
    "def handler(event, context):\n"
    "    return [{!r}, context.invoked_function_arn, context.function_version, os.environ['AWS_LAMBDA_FUNCTION_VERSION']]\n"
)


@pytest.fixture(scope="module")
def name(server: Server) -> str:
    """A function with the versions 1 and 2 and an alias that leads to version 1."""
    name, client = server.deploy("aliased", _SOURCE.format("one")), server.client("lambda")
    client.publish_version(FunctionName=name)
    client.update_function_code(FunctionName=name, ZipFile=zip_of({"app.py": _SOURCE.format("two")}), Publish=True)
    server.wait_until_settled(name)
    server.wait_until_settled(f"{name}:2")
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


@pytest.mark.parametrize(
    ("asked_for", "qualified", "code", "version"),
    [
        ({"FunctionName": "aliased"}, "", "two", "$LATEST"),
        ({"FunctionName": "aliased:$LATEST"}, ":$LATEST", "two", "$LATEST"),
        ({"FunctionName": "aliased", "Qualifier": "1"}, ":1", "one", "1"),
        ({"FunctionName": "aliased:2", "Qualifier": "2"}, ":2", "two", "2"),
        ({"FunctionName": f"{_ARN}:aliased:live"}, ":live", "one", "1"),
        ({"FunctionName": "000000000000:function:aliased", "Qualifier": "live"}, ":live", "one", "1"),
    ],
)
@pytest.mark.usefixtures("name")
def test_what_a_qualifier_runs(server: Server, asked_for: dict[str, str], qualified: str, code: str, version: str) -> None:
    answer = invoke(server, asked_for["FunctionName"], **{key: value for key, value in asked_for.items() if key == "Qualifier"})
    assert answer.value == [code, f"{_ARN}:aliased{qualified}", version, version]
    assert answer.headers["x-amz-executed-version"] == version


def test_an_alias_shares_its_invocations_out(server: Server, name: str) -> None:
    client = server.client("lambda")
    client.create_alias(FunctionName=name, Name="canary", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
    executed: Counter[Any] = Counter(succeed(server, f"{name}:canary")[2] for _ in range(300))
    assert executed.keys() == {"1", "2"}
    assert 45 <= executed["2"] <= 135  # 90 ± 45: six standard deviations
    client.update_alias(FunctionName=name, Name="canary", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}})
    assert {succeed(server, f"{name}:canary")[2] for _ in range(20)} == {"2"}
    client.delete_alias(FunctionName=name, Name="canary")
    with pytest.raises(ClientError, match=f"Function not found: {_ARN}:{name}:canary"):
        invoke(server, name, Qualifier="canary")


def test_publishing_leaves_warm_environments_alone(server: Server) -> None:
    name = server.deploy("stays-warm", "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n")
    assert succeed(server, name) == 1
    server.client("lambda").publish_version(FunctionName=name)
    assert succeed(server, name) == 2
