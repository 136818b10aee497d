"""Code signing configurations, the functions that have one, and what becomes of their deployments."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID, REGION = "111111111111", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function"
PUBLISHER = f"arn:aws:signer:{REGION}:{ACCOUNT_ID}:/signing-profiles/test"
UNKNOWN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:code-signing-config:csc-0000000000000dead"


def create_config(client: Any, policy: str | None = None, **parameters: Any) -> Any:
    if policy is not None:
        parameters["CodeSigningPolicies"] = {"UntrustedArtifactOnDeployment": policy}
    return client.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [PUBLISHER]}, **parameters)


def config_arn(client: Any, policy: str | None = None, **parameters: Any) -> str:
    arn: str = create_config(client, policy, **parameters)["CodeSigningConfig"]["CodeSigningConfigArn"]
    return arn


def test_life_of_a_configuration_and_its_function(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestCodeSigningConfig::test_function_code_signing_config"), requests.client, "signed"
    conversation.bind("<function-name:1>", name)
    requests.create_active(name)
    created = create_config(client, "Enforce", Description="Testing CodeSigning Config")
    arn = conversation.check("create_code_signing_config", created)["CodeSigningConfig"]["CodeSigningConfigArn"]
    warn = {"UntrustedArtifactOnDeployment": "Warn"}
    conversation.check("update_code_signing_config", client.update_code_signing_config(CodeSigningConfigArn=arn, CodeSigningPolicies=warn))
    conversation.check("get_code_signing_config", client.get_code_signing_config(CodeSigningConfigArn=arn))
    conversation.check(
        "put_function_code_signing_config", client.put_function_code_signing_config(CodeSigningConfigArn=arn, FunctionName=name)
    )
    conversation.check("get_function_code_signing_config", client.get_function_code_signing_config(FunctionName=name))
    listed = [config for config in client.list_code_signing_configs()["CodeSigningConfigs"] if config["CodeSigningConfigArn"] == arn]
    conversation.check("list_code_signing_configs", listed[0])
    conversation.check("list_functions_by_code_signing_config", client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn))
    conversation.check("delete_function_code_signing_config", client.delete_function_code_signing_config(FunctionName=name))
    conversation.check("delete_code_signing_config", client.delete_code_signing_config(CodeSigningConfigArn=arn))


def test_what_is_not_there(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestCodeSigningConfig::test_code_signing_not_found_excs"), requests.client, "unsigned"
    conversation.bind("<csc_arn_invalid>", UNKNOWN)
    requests.create_active(name)
    created = create_config(client, "Enforce", Description="Testing CodeSigning Config")
    arn = conversation.check("create_code_signing_config", created)["CodeSigningConfig"]["CodeSigningConfigArn"]
    for answer, operation, parameters in (
        ("delete_csc_notfound", "delete_code_signing_config", {"CodeSigningConfigArn": UNKNOWN}),
        ("get_csc_invalid", "get_code_signing_config", {"CodeSigningConfigArn": UNKNOWN}),
        ("update_csc_invalid_csc_arn", "update_code_signing_config", {"CodeSigningConfigArn": UNKNOWN, "Description": "new"}),
        ("update_csc_noupdates", "update_code_signing_config", {"CodeSigningConfigArn": UNKNOWN}),
        ("list_functions_by_csc_invalid_cscarn", "list_functions_by_code_signing_config", {"CodeSigningConfigArn": UNKNOWN}),
        ("get_function_csc_nonexistingfn", "get_function_code_signing_config", {"FunctionName": "csc-test-doesnotexist"}),
        ("delete_function_csc_fnnotfound", "delete_function_code_signing_config", {"FunctionName": "csc-test-doesnotexist"}),
        ("put_function_csc_invalid_csc_arn", "put_function_code_signing_config", {"FunctionName": name, "CodeSigningConfigArn": UNKNOWN}),
        (
            "put_function_csc_invalid_fnname",
            "put_function_code_signing_config",
            {"FunctionName": "csc-test-doesnotexist", "CodeSigningConfigArn": arn},
        ),
        (
            "put_function_csc_invalid_both",
            "put_function_code_signing_config",
            {"FunctionName": "csc-test-doesnotexist", "CodeSigningConfigArn": UNKNOWN},
        ),
    ):
        conversation.check_error(answer, lambda operation=operation, parameters=parameters: getattr(client, operation)(**parameters))
    conversation.check("update_csc_noupdate_response", client.update_code_signing_config(CodeSigningConfigArn=arn))
    conversation.check("get_function_csc_fnwithoutcsc", client.get_function_code_signing_config(FunctionName=name))
    conversation.check("nothing_to_delete_response", client.delete_function_code_signing_config(FunctionName=name))
    conversation.check("list_functions_by_csc_fnwithoutcsc", client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn))


def test_functions_that_are_not_there_or_elsewhere(replay: Any, lambda_client: Any) -> None:
    conversation = replay("TestLambdaFunction::test_ops_on_nonexisting_fn[get_function_code_signing_config]")
    conversation.bind("<nonexisting-fn-name>", "i-dont-exist")
    conversation.check_error("not_found_exception", lambda: lambda_client.get_function_code_signing_config(FunctionName="i-dont-exist"))
    conversation = replay("TestLambdaFunction::test_get_function_wrong_region[get_function_code_signing_config]")
    conversation.bind("<wrong-region>", "eu-central-1")
    elsewhere = f"arn:aws:lambda:eu-central-1:{ACCOUNT_ID}:function:i-exist"
    conversation.check_error("wrong_region_exception", lambda: lambda_client.get_function_code_signing_config(FunctionName=elsewhere))


def test_enforcement_refuses_a_new_function(requests: Any) -> None:
    arn, name = config_arn(requests.client, "Enforce"), "enforced-from-the-start"
    with pytest.raises(ClientError, match=f"Check the provided signature for {name}") as raised:
        requests.create(name, CodeSigningConfigArn=arn)
    assert raised.value.response["Error"]["Code"] == "CodeVerificationFailedException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(ClientError, match="Function not found"):
        requests.client.get_function(FunctionName=name)


def test_a_warning_lets_a_new_function_be(requests: Any, server: Any) -> None:
    client, name = requests.client, "warned"
    arn = config_arn(client)
    requests.create_active(name, CodeSigningConfigArn=arn)
    assert client.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == arn
    client.update_function_code(FunctionName=name, ZipFile=requests.zip_of("A = 1\n"))
    server.settle(name)
    assert client.get_function(FunctionName=name)["Configuration"]["LastUpdateStatus"] == "Successful"


def test_a_configuration_counts_from_the_next_deployment_on(requests: Any, server: Any) -> None:
    client, name = requests.client, "enforced-later"
    requests.create_active(name)
    arn = config_arn(client, "Enforce")
    client.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=arn)
    with pytest.raises(ClientError) as raised:
        client.update_function_code(FunctionName=name, ZipFile=requests.zip_of("A = 1\n"))
    assert raised.value.response["Error"]["Code"] == "CodeVerificationFailedException"
    client.update_function_configuration(FunctionName=name, Timeout=5)
    server.settle(name)
    client.update_code_signing_config(CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"})
    client.update_function_code(FunctionName=name, ZipFile=requests.zip_of("A = 1\n"))
    server.settle(name)


def test_a_new_function_with_a_configuration_that_is_not_there(requests: Any) -> None:
    with pytest.raises(ClientError, match="Check that the provided configuration is not deleted") as raised:
        requests.create("unknown-config", CodeSigningConfigArn=UNKNOWN)
    assert raised.value.response["Error"]["Code"] == "CodeSigningConfigNotFoundException"


def test_images_are_not_signed(requests: Any) -> None:
    arn = config_arn(requests.client)
    code = {"ImageUri": f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/r:t"}
    parameters = {"FunctionName": "signed-image", "PackageType": "Image", "Code": code, "CodeSigningConfigArn": arn}
    with pytest.raises(ClientError, match="Code signing is not supported for functions created with container images"):
        requests.client.create_function(Role=f"arn:aws:iam::{ACCOUNT_ID}:role/r", **parameters)


def test_layers_are_not_signed_either(requests: Any, server: Any) -> None:
    client, name = requests.client, "enforced-layers"
    layer = client.publish_layer_version(LayerName="unsigned", Content={"ZipFile": requests.zip_of()})["LayerVersionArn"]
    requests.create_active(name)
    client.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=config_arn(client, "Enforce"))
    with pytest.raises(ClientError) as raised:
        client.update_function_configuration(FunctionName=name, Layers=[layer])
    assert raised.value.response["Error"]["Code"] == "CodeVerificationFailedException"
    client.update_function_configuration(FunctionName=name, Layers=[])
    server.settle(name)


def test_a_configuration_in_use_stays_until_its_function_goes(requests: Any) -> None:
    client, name = requests.client, "holds-its-config"
    arn = config_arn(client)
    requests.create_active(name, CodeSigningConfigArn=arn)
    with pytest.raises(ClientError) as raised:
        client.delete_code_signing_config(CodeSigningConfigArn=arn)
    assert raised.value.response["Error"]["Code"] == "ResourceConflictException"
    client.delete_function(FunctionName=name)
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    requests.create_active(name)
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName=name)


def test_lists_come_in_pages(requests: Any, server: Any) -> None:
    client = server.client(account_id="222222222222")
    arns = sorted(config_arn(client) for _ in range(3))
    first = client.list_code_signing_configs(MaxItems=2)
    rest = client.list_code_signing_configs(MaxItems=2, Marker=first["NextMarker"])
    assert [config["CodeSigningConfigArn"] for config in first["CodeSigningConfigs"] + rest["CodeSigningConfigs"]] == arns
    assert "NextMarker" not in rest
    arn = config_arn(requests.client)
    names = ["page-a", "page-b", "page-c"]
    for name in names:
        requests.create_active(name, CodeSigningConfigArn=arn)
    page = requests.client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn, MaxItems=2)
    assert page["FunctionArns"] == [f"{ARN}:page-a", f"{ARN}:page-b"]
    page = requests.client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn, MaxItems=2, Marker=page["NextMarker"])
    assert page["FunctionArns"] == [f"{ARN}:page-c"]


def test_tags(requests: Any) -> None:
    client = requests.client
    arn = config_arn(client, Tags={"a": "1"})
    client.tag_resource(Resource=arn, Tags={"b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    with pytest.raises(ClientError) as raised:
        client.list_tags(Resource=UNKNOWN)
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"
