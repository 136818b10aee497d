"""Functions from creation to deletion."""

import io
import json
import urllib.error
import urllib.request
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

ACCOUNT_ID, REGION = "111111111111", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function"
NO_VARIABLES: dict[str, Any] = {"Environment": {"Variables": {}}}


def test_life_of_a_function(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaFunction::test_function_lifecycle"), requests.client, "life"
    conversation.check("create_response", requests.create(name, MemorySize=256, Timeout=5, **NO_VARIABLES))
    server.settle(name)
    conversation.check("get_function_response", _located(client.get_function(FunctionName=name)))
    updated = client.update_function_configuration(
        FunctionName=name,
        Runtime="python3.11",
        Description="Changed-Description",
        MemorySize=512,
        Timeout=10,
        Environment={"Variables": {"ENV_A": "a"}},
    )
    conversation.check("update_func_conf_response", updated)
    server.settle(name)
    conversation.check("get_function_response_postupdate", _located(client.get_function(FunctionName=name)))
    code = requests.zip_of("def handler(event, context): return 2\n")
    conversation.check("update_code_response", client.update_function_code(FunctionName=name, ZipFile=code))
    server.settle(name)
    conversation.check("get_function_response_postcodeupdate", _located(client.get_function(FunctionName=name)))
    conversation.check("delete_response", client.delete_function(FunctionName=name))
    conversation.check_error("delete_postdelete", lambda: client.delete_function(FunctionName=name))


def test_updates_that_change_nothing_are_updates(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaFunction::test_redundant_updates"), requests.client, "redundant"
    created = requests.create_active(name, Description="Initial description", Timeout=30, **NO_VARIABLES)
    conversation.check("create_response", created)
    update = {"FunctionName": name, "Description": "1st update description"}
    conversation.check("first_update_result", client.update_function_configuration(**update))
    server.settle(name)
    conversation.check("get_fn_config_result", client.get_function_configuration(FunctionName=name))
    conversation.check("get_fn_result", _located(client.get_function(FunctionName=name)))
    conversation.check("redundant_update_result", client.update_function_configuration(**update))
    server.settle(name)
    conversation.check("get_fn_result_after_redundant_update", _located(client.get_function(FunctionName=name)))


@pytest.mark.parametrize("operation", ["get_function", "get_function_configuration"])
def test_a_version_that_is_not_there(replay: Any, requests: Any, operation: str) -> None:
    conversation, name = replay(f"TestLambdaFunction::test_ops_on_nonexisting_version[{operation}]"), f"versionless-{operation}"
    conversation.bind("<fn-name>", name)
    requests.create_active(name)
    conversation.check_error(
        "version_not_found_exception", lambda: getattr(requests.client, operation)(FunctionName=name, Qualifier="1221")
    )


def test_deleting_a_version_that_is_not_there(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaFunction::test_delete_on_nonexisting_version"), requests.client, "delete-version"
    conversation.bind("<fn-name>", name)
    requests.create_active(name)
    client.delete_function(FunctionName=name, Qualifier="1233")
    client.delete_function(FunctionName=name)
    conversation.check_error("delete_function_response_non_existent", lambda: client.delete_function(FunctionName=name))
    conversation.check_error(
        "delete_function_response_non_existent_with_qualifier", lambda: client.delete_function(FunctionName=name, Qualifier="1233")
    )


def test_code_can_be_downloaded(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaFunction::test_lambda_code_location_zipfile"), requests.client, "code-location"
    first, second = requests.zip_of("A = 1\n", "index.py"), requests.zip_of("A = 2\n", "index.py")
    created = requests.create_active(name, Handler="index.handler", Code={"ZipFile": first}, PackageType="Zip")
    conversation.check("create-response-zip-file", created)
    answer = conversation.check("get-function-response", client.get_function(FunctionName=name))
    assert _download(answer["Code"]["Location"]) == first
    conversation.bind("<location>", None)
    with server.activations_held():
        conversation.check("update-function-response", client.update_function_code(FunctionName=name, ZipFile=second))
        answer = client.get_function(FunctionName=name)
    assert _download(answer["Code"]["Location"]) == second
    conversation.check("get-function-response-updated", _located(answer))
    assert answer["Configuration"]["CodeSize"] == len(second)
    with pytest.raises(urllib.error.HTTPError) as raised:
        _download(answer["Code"]["Location"][:-1])
    assert raised.value.code == 403
    raised.value.close()


def test_code_in_a_bucket_that_is_not_there(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaFunction::test_lambda_code_location_s3_errors"), requests.client, "s3-errors"
    source = {"S3Bucket": "no-such-bucket", "S3Key": "code.zip"}
    conversation.check_error("create-error-wrong-bucket", lambda: requests.create(name, Code=source))
    requests.create_active(name)
    conversation.check_error("update-error-wrong-bucket", lambda: client.update_function_code(FunctionName=name, **source))
    conversation.without("create-error-wrong-key", "update-error-wrong-key")  # there are no buckets yet


@pytest.mark.parametrize("kind", ["code", "config"])
def test_an_update_while_another_is_in_progress(replay: Any, requests: Any, server: Any, kind: str) -> None:
    conversation, client, name = replay(f"TestLambdaFunction::test_lambda_concurrent_{kind}_updates"), requests.client, f"concurrent-{kind}"
    parameters = {} if kind == "code" else {"Timeout": 30, **NO_VARIABLES}
    conversation.check("create-function-response", requests.create_active(name, **parameters))

    def update(number: int) -> None:
        if kind == "code":
            client.update_function_code(FunctionName=name, ZipFile=requests.zip_of(f"A = {number}\n"))
        else:
            client.update_function_configuration(FunctionName=name, Environment={"Variables": {"TEST": str(number)}})

    with server.activations_held():
        update(1)
        conversation.check_error("update-during-in-progress-update-exc", lambda: update(2))


def test_arns_as_names(replay: Any, requests: Any, server: Any) -> None:
    conversation, name = replay("TestLambdaFunction::test_function_arns"), "test-function-arn"
    parameters = {"Timeout": 30, **NO_VARIABLES}
    conversation.check("create-function-arn-response", requests.create(f"{ARN}:{name}", **parameters))
    other_code = {"ZipFile": requests.zip_of("A = 1\n")}
    created = requests.create(f"{ACCOUNT_ID}:function:test-partial-arn", Code=other_code, **parameters)
    conversation.check("create-function-partial-arn-response", created)
    long_name = "a" * (140 - len(f"{ARN}:") + 1)
    conversation.bind("<function-name>", long_name)
    for answer, function_name in (
        ("invalid_function_name_exc", "invalid:function:name"),
        ("long_function_name_exc", "a" * 65),
        ("long_function_arn_exc", f"{ARN}:{long_name}"),
        ("function_arn_other_region_exc", f"arn:aws:lambda:ap-southeast-1:{ACCOUNT_ID}:function:{name}"),
        ("function_arn_other_account_exc", f"arn:aws:lambda:{REGION}:123456789012:function:{name}"),
    ):
        conversation.check_error(answer, lambda function_name=function_name: requests.create(function_name))


def test_parameters_that_a_new_function_cannot_have(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaFunction::test_create_lambda_exceptions"), "invalid"
    conversation.check_error("invalid_role_arn_exc", lambda: requests.create(name, Role="r1"))
    conversation.check_error("invalid_runtime_exc", lambda: requests.create(name, Runtime="non-existent-runtime"))
    conversation.check_error("uppercase_runtime_exc", lambda: requests.create(name, Runtime="PYTHON3.9"))
    conversation.check_error("multiple_architectures", lambda: requests.create(name, Architectures=["x86_64", "arm64"]))
    conversation.check_error("uppercase_architecture", lambda: requests.create(name, Architectures=["X86_64"]))
    conversation.check_error("invalid_zip_exc", lambda: requests.create(name, Code={"ZipFile": b"this is not a zip file"}))
    with pytest.raises(ParamValidationError):  # the client refuses it already
        requests.create(name, Architectures=[])
    conversation.without("empty_architectures")


def test_parameters_that_an_update_cannot_have(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaFunction::test_update_lambda_exceptions"), requests.client, "invalid-update"
    requests.create_active(name)
    for answer, change in (
        ("invalid_role_arn_exc", {"Role": "r1"}),
        ("invalid_runtime_exc", {"Runtime": "non-existent-runtime"}),
        ("uppercase_runtime_exc", {"Runtime": "PYTHON3.9"}),
    ):
        conversation.check_error(answer, lambda change=change: client.update_function_configuration(FunctionName=name, **change))


@pytest.mark.parametrize("runtime", ["dotnetcore3.1", "go1.x", "java8", "nodejs12.x", "nodejs14.x", "provided", "python3.7", "ruby2.7"])
def test_runtimes_that_are_no_longer_supported(replay: Any, requests: Any, runtime: str) -> None:
    conversation = replay(f"TestRuntimeValidation::test_create_deprecated_function_runtime_with_validation_enabled[{runtime}]")
    conversation.check_error("deprecation_error", lambda: requests.create("deprecated", Runtime=runtime))


def test_lists(replay: Any, requests: Any, server: Any) -> None:
    conversation = replay("TestLambdaFunction::test_list_functions")
    client = server.client(account_id="222222222222")  # nothing else is in its lists
    requests.client = client
    parameters = {"Timeout": 30, "Role": "arn:aws:iam::111111111111:role/lambda-role", **NO_VARIABLES}
    created = [requests.create("list-1", Publish=True, **parameters)]
    created.append(requests.create("list-2", Code={"ZipFile": requests.zip_of("A = 2\n")}, **parameters))
    for number, answer in enumerate(created, start=1):
        conversation.check(f"create_response_{number}", _of_first_account(answer))
    conversation.check_error("list_functions_invalid_functionversion", lambda: client.list_functions(FunctionVersion="invalid"))
    pages = client.get_paginator("list_functions")
    everything = pages.paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 1}).build_full_result()
    conversation.check("list_all", _of_first_account(everything))
    conversation.check("list_default", _of_first_account(pages.paginate(PaginationConfig={"PageSize": 1}).build_full_result()))


def test_subnets_and_security_groups_that_are_no_ids(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaFunction::test_invalid_vpc_config_subnet")
    conversation.bind("<subnet_id_2>", "bad-subnet")
    config = {"SubnetIds": ["bad-subnet"], "SecurityGroupIds": ["sg-1"]}
    conversation.check_error("create-response-invalid-format-subnet-id", lambda: requests.create("vpc", VpcConfig=config))
    conversation.without("create-response-non-existent-subnet-id")  # nobody here knows which subnets exist
    conversation = replay("TestLambdaFunction::test_invalid_vpc_config_security_group")
    conversation.bind("<security_group_id_2>", "bad-group")
    config = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["bad-group"]}
    conversation.check_error("create-response-invalid-format-security-group", lambda: requests.create("vpc", VpcConfig=config))
    conversation.without("create-response-non-existent-security-group")


def test_a_vpc_configuration_is_kept_and_given_back(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaFunction::test_vpc_config"), requests.client, "vpc-config"
    conversation.bind("<vpc_id>", "")  # environments are attached to none
    first = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    second = {"SubnetIds": ["subnet-2"], "SecurityGroupIds": ["sg-2"]}
    nothing: dict[str, list[str]] = {"SubnetIds": [], "SecurityGroupIds": []}
    created = requests.create_active(name, MemorySize=256, Timeout=5, VpcConfig=first, **NO_VARIABLES)
    conversation.check("create_response", created)
    conversation.check("get_function_response", _located(client.get_function(FunctionName=name)))
    for step, config in (("update", second), ("delete", nothing)):
        updated = client.update_function_configuration(FunctionName=name, VpcConfig=config)
        conversation.check(f"{step}_vpcconfig_update_response", updated)
        server.settle(name)
        conversation.check(f"{step}_vpcconfig_get_function_response", _located(client.get_function(FunctionName=name)))


def test_revisions(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaRevisions::test_function_revisions_basic"), requests.client, "revisions"
    code = requests.zip_of("A = 1\n", "index.py")
    stale = requests.create_active(name, Handler="index.handler", Code={"ZipFile": code}, Timeout=30, **NO_VARIABLES)
    conversation.check("create_function_response_rev1", stale)
    known = conversation.check("get_function_response_rev2", _located(client.get_function(FunctionName=name)))
    old, current = stale["RevisionId"], known["Configuration"]["RevisionId"]
    update: dict[str, Any] = {"FunctionName": name, "ZipFile": code}
    conversation.check_error("update_function_revision_exception", lambda: client.update_function_code(RevisionId=old, **update))
    conversation.check("update_function_code_response_rev3", client.update_function_code(RevisionId=current, **update))
    server.settle(name)
    known = conversation.check("get_function_response_rev4", _located(client.get_function(FunctionName=name)))
    update = {"FunctionName": name, "Runtime": "python3.8"}
    conversation.check_error(
        "update_function_configuration_revision_exception", lambda: client.update_function_configuration(RevisionId=old, **update)
    )
    current = known["Configuration"]["RevisionId"]
    updated = client.update_function_configuration(RevisionId=current, **update)
    conversation.check("update_function_configuration_response_rev5", updated)
    server.settle(name)
    conversation.check("get_function_response_rev6", _located(client.get_function(FunctionName=name)))


def test_revisions_of_a_policy(replay: Any, requests: Any) -> None:
    conversation, client = replay("TestLambdaRevisions::test_function_revisions_permissions"), requests.client
    parameters = {"FunctionName": "policy-revisions", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    revision_id = requests.create_active("policy-revisions")["RevisionId"]
    client.add_permission(StatementId="first", **parameters)
    conversation.check_error(
        "add_permission_revision_exception", lambda: client.add_permission(StatementId="second", RevisionId=revision_id, **parameters)
    )


def test_tags_of_a_new_function(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaTag::test_create_tag_on_fn_create"), "tagged"
    conversation.bind("<custom-tag>", "tag-1")
    requests.create_active(name, Tags={"testtag": "tag-1"}, Timeout=30, **NO_VARIABLES)
    conversation.check("get_function_result", _located(requests.client.get_function(FunctionName=name)))
    conversation.without("list_tags_result")


def test_account_settings(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaAccountSettings::test_account_settings")
    settings = requests.client.get_account_settings()
    names = {name: sorted(content) for name, content in settings.items() if name != "ResponseMetadata"}
    conversation.check("acc_settings_modded", settings | names)


def test_code_size_of_an_account(replay: Any, requests: Any, server: Any) -> None:
    conversation = replay("TestLambdaAccountSettings::test_account_settings_total_code_size")
    client = requests.client = server.client(account_id="333333333333")
    before, code, name = _total_code_size(client), _zip_of_length(276), "code-size"
    requests.create(name, Code={"ZipFile": code})
    created = _total_code_size(client)
    conversation.check("total_code_size_diff_create_function", created - before)
    server.settle(name, account_id="333333333333")
    client.update_function_code(FunctionName=name, ZipFile=code, Publish=True)
    conversation.check("total_code_size_diff_update_function", _total_code_size(client) - created)
    conversation.without("total_code_size_diff_publish_layer", "total_code_size_diff_publish_layer_version")


def test_code_size_after_an_update_of_the_configuration(replay: Any, requests: Any, server: Any) -> None:
    conversation = replay("TestLambdaAccountSettings::test_account_settings_total_code_size_config_update")
    account_id, name = "444444444444", "code-size"
    client = requests.client = server.client(account_id=account_id)
    before, code = _total_code_size(client), _zip_of_length(276)
    requests.create(name, Code={"ZipFile": code})
    created = _total_code_size(client)
    conversation.check("is_total_code_size_diff_create_function_more_than_200", created - before > 200)
    server.settle(name, account_id=account_id)
    client.update_function_configuration(FunctionName=name, Timeout=10)
    server.settle(name, account_id=account_id)
    updated = _total_code_size(client)
    conversation.check("total_code_size_diff_update_function_configuration", updated - created)
    client.update_function_code(FunctionName=name, ZipFile=code, Publish=True)
    published = _total_code_size(client) - updated
    conversation.check("is_total_code_size_diff_publish_version_after_config_update_more_than_200", published > 200)


def _total_code_size(client: Any) -> int:
    size: int = client.get_account_settings()["AccountUsage"]["TotalCodeSize"]
    return size


def _zip_of_length(length: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", "")
        archive.comment = b" " * (length - 120)
    content = buffer.getvalue()
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b" " * (length - 120 + length - len(content))
    assert len(buffer.getvalue()) == length
    return buffer.getvalue()


def _of_first_account(answer: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(answer, default=str).replace("222222222222", ACCOUNT_ID))
    return changed


def _located(answer: dict[str, Any]) -> dict[str, Any]:
    """Links are signed anew each time; that there is one is what can be compared."""
    assert answer["Code"]["Location"].startswith("http://127.0.0.1:")
    return answer | {"Code": answer["Code"] | {"Location": "signed"}}


def _download(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        content: bytes = response.read()
    return content
