"""SnapStart is recorded and given back."""

from typing import Any

import pytest

RUNTIMES = ["dotnet8", "dotnet10", "java11", "java17", "java21", "java25", "python3.12", "python3.13"]


def test_what_snap_start_cannot_apply_on(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaSnapStart::test_snapstart_exceptions")
    conversation.check_error(
        "create_function_invalid_snapstart_apply", lambda: requests.create("snap", SnapStart={"ApplyOn": "invalidOption"})
    )


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_snap_start_by_an_update(replay: Any, requests: Any, runtime: str) -> None:
    conversation = replay(f"TestLambdaSnapStart::test_snapstart_update_function_configuration[{runtime}]")
    name = f"snap-update-{runtime.replace('.', '')}"
    conversation.check("create_function_response", requests.create_active(name, **_parameters(conversation)))
    updated = requests.client.update_function_configuration(FunctionName=name, SnapStart={"ApplyOn": "PublishedVersions"})
    conversation.check("update_function_response", updated)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_versions_of_a_function_with_snap_start(replay: Any, requests: Any, server: Any, runtime: str) -> None:
    conversation = replay(f"TestLambdaSnapStart::test_snapstart_lifecycle[{runtime}]")
    client, name = requests.client, f"snap-life-{runtime.replace('.', '')}"
    conversation.bind("<location>", "signed")
    conversation.check("create_function_response", requests.create_active(name, **_parameters(conversation)))
    client.publish_version(FunctionName=name, Description="version1")
    server.settle(name)
    conversation.check("get_function_response_version_1", _located(client.get_function(FunctionName=name, Qualifier="1")))
    conversation.check("get_function_response_latest", _located(client.get_function(FunctionName=name)))


def test_published_versions_are_optimized(requests: Any, server: Any) -> None:
    client, name = requests.client, "snap-optimized"
    requests.create(name, SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True)
    server.settle(name)
    by_qualifier = {
        qualifier: client.get_function_configuration(FunctionName=name, Qualifier=qualifier)["SnapStart"] for qualifier in ("$LATEST", "1")
    }
    assert by_qualifier == {
        "$LATEST": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"},
        "1": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"},
    }


@pytest.mark.parametrize(
    "parameters",
    [
        {"Runtime": "nodejs22.x"},
        {"EphemeralStorage": {"Size": 1024}},
        {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}},
    ],
)
def test_what_does_not_go_with_snap_start(requests: Any, parameters: dict[str, Any]) -> None:
    with pytest.raises(requests.client.exceptions.InvalidParameterValueException, match="not supported for SnapStart enabled functions"):
        requests.create("snap-impossible", SnapStart={"ApplyOn": "PublishedVersions"}, **parameters)


def _parameters(conversation: Any) -> dict[str, Any]:
    """What the recorded function was created with, beside the defaults."""
    created = conversation.recorded("create_function_response")
    return {name: created[name] for name in ("Runtime", "Handler", "MemorySize", "Timeout")}


def _located(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"Code": answer["Code"] | {"Location": "signed"}}
