"""Capacity providers from creation to deletion, and the function versions that name them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID, REGION = "111111111111", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/operator"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:capacity-provider"


def create(client: Any, name: str, **parameters: Any) -> Any:
    return client.create_capacity_provider(
        CapacityProviderName=name,
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        PermissionsConfig={"CapacityProviderOperatorRoleArn": ROLE},
        **parameters,
    )


def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_life_of_a_capacity_provider(lambda_client: Any) -> None:
    answer = create(lambda_client, "life")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    provider = answer["CapacityProvider"]
    assert provider.pop("LastModified").endswith("+0000")
    assert provider == {
        "CapacityProviderArn": f"{ARN}:life",
        "State": "Active",
        "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
        "InstanceRequirements": {"Architectures": ["x86_64"]},
        "CapacityProviderScalingConfig": {"MaxVCpuCount": 400, "ScalingMode": "Auto"},
    }
    for name in ("life", f"{ARN}:life"):
        found = lambda_client.get_capacity_provider(CapacityProviderName=name)["CapacityProvider"]
        assert found["CapacityProviderArn"] == f"{ARN}:life"
    deleted = lambda_client.delete_capacity_provider(CapacityProviderName="life")
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert deleted["CapacityProvider"]["State"] == "Deleting"
    not_found = ("ResourceNotFoundException", f"Capacity provider not found: {ARN}:life")
    assert refused(lambda: lambda_client.get_capacity_provider(CapacityProviderName="life")) == not_found
    assert refused(lambda: lambda_client.delete_capacity_provider(CapacityProviderName="life")) == not_found
    assert refused(lambda: lambda_client.update_capacity_provider(CapacityProviderName="life")) == not_found
    assert refused(lambda: lambda_client.list_function_versions_by_capacity_provider(CapacityProviderName="life")) == not_found


def test_everything_that_is_said_comes_back(lambda_client: Any) -> None:
    policies = [{"PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization", "TargetValue": 50.0}]
    said = {
        "InstanceRequirements": {"Architectures": ["arm64"], "AllowedInstanceTypes": ["m7g.*"]},
        "CapacityProviderScalingConfig": {"MaxVCpuCount": 16, "ScalingMode": "Manual", "ScalingPolicies": policies},
        "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/k",
        "PropagateTags": {"Mode": "Explicit", "ExplicitTags": {"a": "1"}},
        "TelemetryConfig": {"LoggingConfig": {"SystemLogLevel": "DEBUG", "LogGroup": "/mine"}},
    }
    create(lambda_client, "complete", **said)
    found = lambda_client.get_capacity_provider(CapacityProviderName="complete")["CapacityProvider"]
    assert {name: found[name] for name in said} == said


def test_an_update_changes_what_it_says(lambda_client: Any) -> None:
    create(lambda_client, "changing")
    policies = [{"PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization", "TargetValue": 50.0}]
    manual = {"ScalingMode": "Manual", "ScalingPolicies": policies}
    telemetry = {"LoggingConfig": {"SystemLogLevel": "WARN"}}
    updated = lambda_client.update_capacity_provider(
        CapacityProviderName="changing", CapacityProviderScalingConfig=manual, TelemetryConfig=telemetry
    )["CapacityProvider"]
    assert updated["CapacityProviderScalingConfig"] == {"MaxVCpuCount": 400, **manual}
    assert updated["TelemetryConfig"]["LoggingConfig"]["LogGroup"] == "/aws/lambda/capacity-provider/changing"
    auto = {"ScalingMode": "Auto", "MaxVCpuCount": 8}
    updated = lambda_client.update_capacity_provider(CapacityProviderName="changing", CapacityProviderScalingConfig=auto)
    assert updated["CapacityProvider"]["CapacityProviderScalingConfig"] == auto
    assert updated["CapacityProvider"]["TelemetryConfig"]["LoggingConfig"]["SystemLogLevel"] == "WARN"


def test_what_cannot_be(lambda_client: Any) -> None:
    create(lambda_client, "taken")
    assert refused(lambda: create(lambda_client, "taken"))[0] == "ResourceConflictException"
    policy = {"PredefinedMetricType": "LambdaCapacityProviderAverageCPUUtilization", "TargetValue": 50.0}
    auto_with_policy = {"ScalingMode": "Auto", "ScalingPolicies": [policy]}
    assert refused(lambda: create(lambda_client, "never", CapacityProviderScalingConfig=auto_with_policy)) == (
        "InvalidParameterValueException",
        "A scaling policy can't be specified when the scalingMode is set to Auto",
    )
    for parameters in (
        {"CapacityProviderScalingConfig": {"ScalingMode": "Manual"}},
        {"InstanceRequirements": {"AllowedInstanceTypes": ["m7g.*"], "ExcludedInstanceTypes": ["m7g.large"]}},
        {"PropagateTags": {"Mode": "None", "ExplicitTags": {"a": "1"}}},
        {"Tags": {"aws:a": "1"}},
    ):
        assert refused(lambda parameters=parameters: create(lambda_client, "never", **parameters))[0] == "InvalidParameterValueException"
    assert refused(lambda: lambda_client.get_capacity_provider(CapacityProviderName="never"))[0] == "ResourceNotFoundException"
    elsewhere = f"arn:aws:lambda:eu-west-1:{ACCOUNT_ID}:capacity-provider:taken"
    assert refused(lambda: lambda_client.get_capacity_provider(CapacityProviderName=elsewhere))[0] == "ResourceNotFoundException"


def test_lists_come_in_pages_and_by_state(server: Any) -> None:
    client = server.client(account_id="222222222222")
    for name in ("a", "b", "c"):
        create(client, name)
    arns = [f"arn:aws:lambda:{REGION}:222222222222:capacity-provider:{name}" for name in ("a", "b", "c")]
    first = client.list_capacity_providers(MaxItems=2)
    rest = client.list_capacity_providers(MaxItems=2, Marker=first["NextMarker"], State="Active")
    assert [provider["CapacityProviderArn"] for provider in first["CapacityProviders"] + rest["CapacityProviders"]] == arns
    assert "NextMarker" not in rest
    assert client.list_capacity_providers(State="Pending")["CapacityProviders"] == []


def test_a_capacity_provider_in_use_stays(requests: Any) -> None:
    client, name = requests.client, "on-instances"
    create(client, "used")
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": f"{ARN}:used"}}
    requests.create_active(name, CapacityProviderConfig=config, Runtime="python3.13", MemorySize=2048)
    listed = client.list_function_versions_by_capacity_provider(CapacityProviderName="used")
    assert listed["CapacityProviderArn"] == f"{ARN}:used"
    assert f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}:$LATEST" in [item["FunctionArn"] for item in listed["FunctionVersions"]]
    assert refused(lambda: client.delete_capacity_provider(CapacityProviderName="used"))[0] == "ResourceConflictException"
    client.delete_function(FunctionName=name)
    client.delete_capacity_provider(CapacityProviderName="used")


def test_a_function_on_a_capacity_provider_that_is_not_there(requests: Any) -> None:
    config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": f"{ARN}:nowhere"}}
    assert refused(lambda: requests.create("stranded", CapacityProviderConfig=config, Runtime="python3.13", MemorySize=2048)) == (
        "ResourceNotFoundException",
        f"Capacity provider not found: {ARN}:nowhere",
    )


def test_tags(lambda_client: Any) -> None:
    create(lambda_client, "tagged", Tags={"a": "1"})
    lambda_client.tag_resource(Resource=f"{ARN}:tagged", Tags={"b": "2"})
    lambda_client.untag_resource(Resource=f"{ARN}:tagged", TagKeys=["a"])
    assert lambda_client.list_tags(Resource=f"{ARN}:tagged")["Tags"] == {"b": "2"}
