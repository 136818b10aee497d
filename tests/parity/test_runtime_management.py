"""Runtime management and scaling: what is wanted of versions, recorded and given back. AWS's documentation is the source."""

from typing import Any

import pytest

ARN = "arn:aws:lambda:us-east-1:111111111111:function"
RUNTIME_VERSION = "arn:aws:lambda:us-east-1::runtime:0123456789abcdef"
PROVIDER = "arn:aws:lambda:us-east-1:111111111111:capacity-provider:scaling-provider"


def _members(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_runtimes_are_updated_unless_somebody_says_otherwise(requests: Any) -> None:
    requests.create_active("auto-runtime")
    answer = requests.client.get_runtime_management_config(FunctionName="auto-runtime")
    assert _members(answer) == {"UpdateRuntimeOn": "Auto", "FunctionArn": f"{ARN}:auto-runtime"}


def test_a_version_stays_on_a_version_of_its_runtime(requests: Any) -> None:
    client, name = requests.client, "manual-runtime"
    requests.create_active(name, Publish=True)
    pinned = {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": RUNTIME_VERSION}
    answer = client.put_runtime_management_config(FunctionName=name, Qualifier="1", **pinned)
    assert _members(answer) == pinned | {"FunctionArn": f"{ARN}:{name}:1"}
    assert _members(client.get_runtime_management_config(FunctionName=name, Qualifier="1")) == _members(answer)
    assert client.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "Auto"
    client.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")
    assert client.get_runtime_management_config(FunctionName=name, Qualifier="$LATEST")["UpdateRuntimeOn"] == "FunctionUpdate"


@pytest.mark.parametrize("parameters", [{"UpdateRuntimeOn": "Manual"}, {"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": RUNTIME_VERSION}])
def test_a_version_of_the_runtime_goes_with_manual_only(requests: Any, parameters: dict[str, str]) -> None:
    name = f"contradictory-{parameters['UpdateRuntimeOn']}"
    requests.create_active(name)
    with pytest.raises(requests.client.exceptions.InvalidParameterValueException, match="RuntimeVersionArn"):
        requests.client.put_runtime_management_config(FunctionName=name, **parameters)


def test_runtime_management_goes_with_its_version(requests: Any) -> None:
    client, name = requests.client, "managed-version"
    for _ in range(2):
        requests.create_active(name, Publish=True)
        assert client.get_runtime_management_config(FunctionName=name, Qualifier="1")["UpdateRuntimeOn"] == "Auto"
        client.put_runtime_management_config(FunctionName=name, Qualifier="1", UpdateRuntimeOn="FunctionUpdate")
        client.delete_function(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException, match=f"Function not found: {ARN}:{name}:1"):
        client.get_runtime_management_config(FunctionName=name, Qualifier="1")


def test_versions_on_capacity_providers_have_scaling_limits(requests: Any, server: Any) -> None:
    client, name = requests.client, "scaling"
    client.create_capacity_provider(
        CapacityProviderName="scaling-provider",
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        PermissionsConfig={"CapacityProviderOperatorRoleArn": "arn:aws:iam::111111111111:role/operator"},
    )
    provider = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": PROVIDER}}
    requests.create_active(name, Publish=True, CapacityProviderConfig=provider, Runtime="python3.13", MemorySize=2048)
    target = {"FunctionName": name, "Qualifier": "1"}
    assert _members(client.get_function_scaling_config(**target)) == {"FunctionArn": f"{ARN}:{name}:1"}
    config = {"MinExecutionEnvironments": 3, "MaxExecutionEnvironments": 20}
    assert client.put_function_scaling_config(**target, FunctionScalingConfig=config)["FunctionState"] in {"Pending", "Active"}
    answer = client.get_function_scaling_config(**target)
    assert (answer["RequestedFunctionScalingConfig"], answer["AppliedFunctionScalingConfig"]) == (config, config)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="cannot be greater"):
        client.put_function_scaling_config(**target, FunctionScalingConfig={"MinExecutionEnvironments": 3, "MaxExecutionEnvironments": 2})


def test_other_versions_have_none(requests: Any) -> None:
    client, name = requests.client, "no-scaling"
    requests.create_active(name, Publish=True)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="capacity provider"):
        client.put_function_scaling_config(FunctionName=name, Qualifier="1", FunctionScalingConfig={"MinExecutionEnvironments": 1})
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.put_function_scaling_config(FunctionName=name, Qualifier="2", FunctionScalingConfig={"MinExecutionEnvironments": 1})
