"""Settings that are kept and given back, and what does not go together. The source is AWS's documentation: nothing of it was recorded."""

from typing import Any

import pytest

ACCOUNT_ID, REGION = "111111111111", "us-east-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/0"
ACCESS_POINT = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT_ID}:access-point/fsap-0123456789abcdef0"
S3_ACCESS_POINT = f"arn:aws:s3files:{REGION}:{ACCOUNT_ID}:file-system/fs-0123456789abcdef0/access-point/fsap-0123456789abcdef0"
VPC: dict[str, Any] = {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}

_SETTINGS: dict[str, dict[str, Any]] = {
    "tenancy": {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}},
    "durable": {"DurableConfig": {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 30, "KMSKeyArn": KEY}},
    "tracing": {"TracingConfig": {"Mode": "Active"}},
    "key": {"KMSKeyArn": KEY},
    "storage": {"EphemeralStorage": {"Size": 10_240}},
    "dead-letters": {"DeadLetterConfig": {"TargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:dead"}},
    "file-system": {"FileSystemConfigs": [{"Arn": ACCESS_POINT, "LocalMountPath": "/mnt/files"}]},
    "s3-file-system": {
        "FileSystemConfigs": [{"Arn": S3_ACCESS_POINT, "LocalMountPath": "/mnt/files", "S3FilesConfig": {"DirectS3Read": "ENABLED"}}]
    },
    "custom-runtime": {
        "RuntimeConfig": {"RuntimeArn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:runtime/ours-and-nobody-else-s", "RuntimeAlias": "live"}
    },
}


@pytest.mark.parametrize("name", sorted(_SETTINGS))
def test_a_setting_is_given_back(requests: Any, server: Any, name: str) -> None:
    settings, client, function_name = _SETTINGS[name], requests.client, f"settings-{name}"
    created = requests.create(function_name, **(VPC if "FileSystemConfigs" in settings else {}), **settings)
    server.settle(function_name)
    (listed,) = [
        function
        for page in client.get_paginator("list_functions").paginate()
        for function in page["Functions"]
        if function["FunctionName"] == function_name
    ]
    for answer in (created, client.get_function_configuration(FunctionName=function_name), listed):
        assert {setting: answer[setting] for setting in settings} == settings


def test_a_setting_outlives_an_update_of_another(requests: Any, server: Any) -> None:
    name = "settings-kept"
    requests.create_active(name, **_SETTINGS["durable"], **_SETTINGS["tenancy"])
    updated = requests.client.update_function_configuration(FunctionName=name, Timeout=30)
    for settings in (_SETTINGS["durable"], _SETTINGS["tenancy"]):
        assert {setting: updated[setting] for setting in settings} == settings


def test_settings_of_functions_on_a_capacity_provider(requests: Any) -> None:
    name, client = "settings-provided", requests.client
    provider = client.create_capacity_provider(
        CapacityProviderName=name,
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        PermissionsConfig={"CapacityProviderOperatorRoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/operator"},
    )["CapacityProvider"]
    instances = {
        "CapacityProviderArn": provider["CapacityProviderArn"],
        "PerExecutionEnvironmentMaxConcurrency": 8,
        "ExecutionEnvironmentMemoryGiBPerVCpu": 4.0,
    }
    settings: dict[str, Any] = {
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": instances},
        "AcceleratorConfig": {"AcceleratorMemorySize": 16},
        "MemorySize": 16_384,
        "EphemeralStorage": {"Size": 20_480},
    }
    requests.create_active(name, Runtime="python3.13", **settings)
    known = client.get_function_configuration(FunctionName=name)
    assert {setting: known[setting] for setting in settings} == settings
    levels = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
    assert known["LoggingConfig"] == levels | {"LogGroup": f"/aws/lambda/{name}"}
    for version in (client.publish_version(FunctionName=name), client.publish_version(FunctionName=name, PublishTo="LATEST_PUBLISHED")):
        assert version["CapacityProviderConfig"] == settings["CapacityProviderConfig"]
    for refused in ({"MemorySize": 1_024}, {"LoggingConfig": {"LogFormat": "Text"}}, {"Runtime": "python3.12"}, {"Runtime": "ruby3.4"}):
        with pytest.raises(client.exceptions.InvalidParameterValueException, match="for functions with CapacityProviderConfig"):
            client.update_function_configuration(FunctionName=name, **refused)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="AWS_LAMBDA_MAX_CONCURRENCY"):
        client.update_function_configuration(FunctionName=name, Environment={"Variables": {"AWS_LAMBDA_MAX_CONCURRENCY": "2"}})


def test_a_durable_function_is_changed_in_part(requests: Any) -> None:
    name = "settings-durable-update"
    created = requests.create_active(name, DurableConfig={"ExecutionTimeout": 60})
    assert created["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 14}
    updated = requests.client.update_function_configuration(FunctionName=name, DurableConfig={"RetentionPeriodInDays": 7, "KMSKeyArn": KEY})
    assert updated["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7, "KMSKeyArn": KEY}


def test_functions_become_durable_only_when_they_are_created(requests: Any) -> None:
    name, client = "settings-not-durable", requests.client
    requests.create_active(name)
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="cannot be added to an existing function"):
        client.update_function_configuration(FunctionName=name, DurableConfig={"ExecutionTimeout": 60})


def test_the_key_of_an_encrypted_archive_is_given_back(requests: Any, server: Any) -> None:
    name, client = "settings-source-key", requests.client
    requests.create_active(name, Code={"ZipFile": requests.zip_of(), "SourceKMSKeyArn": KEY})
    assert client.get_function(FunctionName=name)["Code"]["SourceKMSKeyArn"] == KEY
    client.update_function_code(FunctionName=name, ZipFile=requests.zip_of())
    server.settle(name)
    assert "SourceKMSKeyArn" not in client.get_function(FunctionName=name)["Code"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"DurableConfig": {"RetentionPeriodInDays": 3}}, "ExecutionTimeout is required in DurableConfig."),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "SubnetIds and SecurityIds must coexist or be both empty list."),
        ({"VpcConfig": {"SecurityGroupIds": ["sg-1"]}}, "SubnetIds and SecurityIds must coexist or be both empty list."),
        (
            _SETTINGS["file-system"],
            f"Function must be configured to execute in a VPC to reference access point {ACCESS_POINT}.",
        ),
        (
            {
                **VPC,
                "FileSystemConfigs": [{"Arn": ACCESS_POINT, "LocalMountPath": "/mnt/f", "S3FilesConfig": {"DirectS3Read": "AUTO"}}],
            },
            f"S3FilesConfig is not supported for access point {ACCESS_POINT}.",
        ),
        (
            {"EphemeralStorage": {"Size": 10_241}},
            "'EphemeralStorage' value failed to satisfy constraint: Member must have value less than or equal to 10240",
        ),
        (
            {"MemorySize": 10_241},
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240",
        ),
        (
            {"AcceleratorConfig": {"AcceleratorMemorySize": 16}},
            "AcceleratorConfig is supported only for functions with CapacityProviderConfig.",
        ),
        (
            {"Environment": {"Variables": {"AWS_REGION": "here", "OTHER": "", "AWS_LAMBDA_RUNTIME_API": ""}}},
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains "
            "reserved keys that are currently not supported for modification. "
            "Reserved keys used in this request: AWS_LAMBDA_RUNTIME_API, AWS_REGION",
        ),
    ],
)
def test_what_does_not_go_together(requests: Any, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(requests.client.exceptions.InvalidParameterValueException) as raised:
        requests.create("settings-impossible", **parameters)
    assert raised.value.response["Error"]["Message"] == message
    with pytest.raises(requests.client.exceptions.ResourceNotFoundException):
        requests.client.get_function(FunctionName="settings-impossible")
