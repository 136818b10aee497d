"""Functions from container images, as records: nothing here runs them, and every image is there."""

from typing import Any

import pytest

REPOSITORY = "111111111111.dkr.ecr.us-east-1.amazonaws.com/repository"
OTHER_REPOSITORY = f"{REPOSITORY}-2"
VARIABLES: dict[str, Any] = {"Environment": {"Variables": {"CUSTOM_ENV": "test"}}}


def test_life_of_an_image_function(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaImages::test_lambda_image_crud"), requests.client, "image"
    conversation.bind("<repo_uri>", REPOSITORY)
    conversation.bind("<repo_uri_2>", OTHER_REPOSITORY)
    conversation.check("create-image-response", _create(client, name))
    server.settle(name)
    conversation.check("get-function-code-response", client.get_function(FunctionName=name))
    conversation.check("get-function-config-response", client.get_function_configuration(FunctionName=name))
    conversation.check_error(
        "image-to-zipfile-error", lambda: client.update_function_code(FunctionName=name, ZipFile=requests.zip_of(), Publish=True)
    )
    updated = client.update_function_code(FunctionName=name, ImageUri=f"{OTHER_REPOSITORY}:latest")
    conversation.check("update-function-code-response", updated)
    server.settle(name)
    conversation.check("get-function-code-response-after-update", client.get_function(FunctionName=name))
    conversation.check("get-function-config-response-after-update", client.get_function_configuration(FunctionName=name))
    client.delete_function(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName=name)


def test_what_overrides_an_image(replay: Any, requests: Any, server: Any) -> None:
    conversation = replay("TestLambdaImages::test_lambda_image_and_image_config_crud")
    client, name = requests.client, "image-config"
    conversation.bind("<repo_uri>", REPOSITORY)
    config = {"EntryPoint": ["sh"], "Command": ["-c", "echo test"], "WorkingDirectory": "/app1"}
    conversation.check("create-image-with-config-response", _create(client, name, ImageConfig=config))
    server.settle(name)
    conversation.check("get-function-code-with-config-response", client.get_function(FunctionName=name))
    conversation.check("get-function-config-with-config-response", client.get_function_configuration(FunctionName=name))
    for step, suffix, change in (
        ("update-function-code-response", "update", {"Command": ["-c", "echo test1"], "WorkingDirectory": "/app1"}),
        ("update-function-code-delete-imageconfig-response", "delete-imageconfig", {}),
    ):
        conversation.check(step, client.update_function_configuration(FunctionName=name, ImageConfig=change))
        server.settle(name)
        conversation.check(f"get-function-code-response-after-{suffix}", client.get_function(FunctionName=name))
        conversation.check(f"get-function-config-response-after-{suffix}", client.get_function_configuration(FunctionName=name))


def test_versions_of_an_image_function(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaImages::test_lambda_image_versions"), requests.client, "image-versions"
    conversation.bind("<repo_uri>", REPOSITORY)
    conversation.check("create_image_response", _create(client, name, Publish=True))
    server.settle(name)
    conversation.check("get_function_result", client.get_function(FunctionName=name))
    conversation.check("list_versions_result", client.list_versions_by_function(FunctionName=name))
    for ordinal, title in (("first", "Second"), ("second", "Third")):
        updated = client.update_function_configuration(FunctionName=name, Description=f"{title} version :)")
        conversation.check(f"{ordinal}_update_response", updated)
        server.settle(name)
        known = conversation.check(f"{ordinal}_update_get_function", client.get_function(FunctionName=name))
        digest = known["Configuration"]["CodeSha256"]
        if ordinal == "first":
            conversation.check_error(
                "invalid_sha_publish", lambda: client.publish_version(FunctionName=name, Description="wrong", CodeSha256="a" * 64)
            )
        published = client.publish_version(FunctionName=name, Description=f"{title} version description :)", CodeSha256=digest)
        conversation.check(f"{ordinal}_publish_response", published)


def test_a_zip_function_does_not_become_an_image(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaImages::test_lambda_zip_file_to_image"), requests.client, "zip-to-image"
    conversation.check("create-image-response", requests.create_active(name))
    conversation.check("get-function-code-response", _located(client.get_function(FunctionName=name)))
    conversation.check("get-function-config-response", client.get_function_configuration(FunctionName=name))
    conversation.check_error("zipfile-to-image-error", lambda: client.update_function_code(FunctionName=name, ImageUri="image:latest"))
    conversation.check("get-function-code-response-after-update", _located(client.get_function(FunctionName=name)))
    conversation.check("get-function-config-response-after-update", client.get_function_configuration(FunctionName=name))


def test_an_image_named_by_its_digest_resolves_to_it(requests: Any, server: Any) -> None:
    name, digest = "image-digest", "ab" * 32
    created = _create(requests.client, name, Code={"ImageUri": f"{REPOSITORY}@sha256:{digest}"})
    assert created["CodeSha256"] == digest
    server.settle(name)
    code, uri = requests.client.get_function(FunctionName=name)["Code"], f"{REPOSITORY}@sha256:{digest}"
    assert code == {"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": uri}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Runtime": "python3.12"}, "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."),
        ({"Handler": "app.handler"}, "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."),
        ({"Code": {"ZipFile": b"zip"}}, "Please provide ImageUri when creating a function with packageType Image."),
        ({"Code": {"ImageUri": "no image"}}, "Source image no image is not valid. Provide a valid source image."),
        ({"PackageType": "Zip", "Runtime": "python3.12", "Handler": "app.handler"}, "Please provide a source for function code."),
    ],
)
def test_what_an_image_function_cannot_be(requests: Any, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(requests.client.exceptions.InvalidParameterValueException) as raised:
        _create(requests.client, "image-impossible", **parameters)
    assert raised.value.response["Error"]["Message"] == message


def test_an_archive_has_no_image_configuration(requests: Any) -> None:
    with pytest.raises(requests.client.exceptions.InvalidParameterValueException, match="ImageConfig"):
        requests.create("zip-with-image-config", ImageConfig={"Command": ["true"]})


def _create(client: Any, name: str, **changes: Any) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "FunctionName": name,
        "Role": "arn:aws:iam::111111111111:role/lambda-role",
        "PackageType": "Image",
        "Code": {"ImageUri": f"{REPOSITORY}:latest"},
        **VARIABLES,
    }
    answer: dict[str, Any] = client.create_function(**(parameters | changes))
    return answer


def _located(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"Code": answer["Code"] | {"Location": "signed"}}
