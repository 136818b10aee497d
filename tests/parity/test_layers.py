"""Layers, and functions that have them."""

import re
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID, REGION = "111111111111", "us-east-1"
NO_VARIABLES: dict[str, Any] = {"Environment": {"Variables": {}}}
NODE_AND_PYTHON = [
    *("nodejs24.x", "nodejs22.x", "nodejs20.x", "nodejs18.x", "nodejs16.x", "nodejs14.x", "nodejs12.x"),
    *("python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9", "python3.8", "python3.7"),
]
OTHERS = [
    *("java25", "java21", "java17", "java11", "java8.al2", "java8", "dotnet10", "dotnet8", "dotnet6", "dotnetcore3.1", "go1.x"),
    *("ruby3.4", "ruby3.3", "ruby3.2", "ruby2.7"),
]
OS_ONLY = ["provided.al2023", "provided.al2", "provided"]


def publish(requests: Any, name: str, *, files: str = "A = 1\n", **parameters: Any) -> dict[str, Any]:
    content = {"ZipFile": requests.zip_of(files, "python/some.py")}
    answer: dict[str, Any] = requests.client.publish_layer_version(LayerName=name, Content=content, **parameters)
    return answer


def arn_of(name: str, version: int | None = None, *, account_id: str = ACCOUNT_ID, region: str = REGION) -> str:
    arn = f"arn:aws:lambda:{region}:{account_id}:layer:{name}"
    return arn if version is None else f"{arn}:{version}"


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer as it was recorded: dates, which are checked here, are called so, and locations, which change, are one."""
    for item in (answer, *answer.get("LayerVersions", ())):
        if "CreatedDate" in item:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", item["CreatedDate"])
            item["CreatedDate"] = "date"
    if "Content" in answer:
        answer["Content"]["Location"] = "location"
    return answer


def error_of(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(("number", "runtimes"), list(enumerate((NODE_AND_PYTHON, OTHERS, OS_ONLY))))
def test_layers_for_every_runtime_that_there_ever_was(replay: Any, requests: Any, number: int, runtimes: list[str]) -> None:
    conversation = replay(f"TestLambdaLayer::test_layer_compatibilities[runtimes{number}]")
    published = publish(
        requests, f"compatible-{number}", CompatibleRuntimes=runtimes, CompatibleArchitectures=["arm64", "x86_64"], Description=""
    )
    conversation.check("publish_result", comparable(published))


def test_life_of_a_layer(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name, function = replay("TestLambdaLayer::test_layer_lifecycle"), requests.client, "life", "layered-life"
    settings = {"Description": "about it", "LicenseInfo": "MIT", "CompatibleRuntimes": ["python3.12"]}
    settings |= {"CompatibleArchitectures": ["x86_64"]}
    requests.create_active(function, Timeout=30, **NO_VARIABLES)
    conversation.check("get_fn_config_result", client.get_function_configuration(FunctionName=function))
    conversation.check("get_fn_result", located(client.get_function(FunctionName=function)))
    conversation.check("publish_result", comparable(publish(requests, name, **settings)))
    conversation.check("publish_result_2", comparable(publish(requests, name, **settings)))
    got = client.get_layer_version(LayerName=name, VersionNumber=1)
    assert urllib.request.urlopen(got["Content"]["Location"]).read() == requests.zip_of("A = 1\n", "python/some.py")
    conversation.check("get_layer_ver_result", comparable(got))
    conversation.check("get_layer_by_arn_version", comparable(client.get_layer_version_by_arn(Arn=arn_of(name, 1))))
    conversation.check("list_layer_versions_predelete", comparable(client.list_layer_versions(LayerName=name)))
    updated = client.update_function_configuration(FunctionName=function, Layers=[arn_of(name, 1)])
    conversation.check("update_fn_config", updated)
    assert updated["Layers"][0]["CodeSize"] == got["Content"]["CodeSize"]
    server.settle(function)
    conversation.check("get_fn_config", client.get_function_configuration(FunctionName=function))
    conversation.check("delete_layer_1", client.delete_layer_version(LayerName=name, VersionNumber=1))
    conversation.check("get_fn_config_postdelete", client.get_function_configuration(FunctionName=function))
    conversation.check("delete_layer_2", client.delete_layer_version(LayerName=name, VersionNumber=2))
    conversation.check("list_layer_versions_postdelete", comparable(client.list_layer_versions(LayerName=name)))
    conversation.check("publish_result_3", comparable(publish(requests, name, **settings)))


def test_layers_that_are_not_there(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaLayer::test_layer_exceptions"), requests.client, "absent"
    conversation.bind("<resource:1>", name)

    def publish_for(runtimes: list[str], architectures: list[str]) -> Any:
        return lambda: publish(requests, name, CompatibleRuntimes=runtimes, CompatibleArchitectures=architectures)

    conversation.check_error("publish_layer_version_exc_invalid_runtime_arch", publish_for(["invalidruntime"], ["invalidarch"]))
    conversation.check_error(
        "publish_layer_version_exc_partially_invalid_values",
        publish_for(["invalidruntime", "invalidruntime2", "nodejs20.x"], ["invalidarch", "x86_64"]),
    )
    published = publish(requests, name, CompatibleRuntimes=["python3.12"], CompatibleArchitectures=["x86_64"])
    conversation.check("publish_result", comparable(published))
    published = publish(requests, "absent-2", CompatibleRuntimes=[], CompatibleArchitectures=[])
    conversation.check("publish_empty_result", comparable(published))

    conversation.check_error("get_layer_version_by_arn_exc_invalidarn", lambda: client.get_layer_version_by_arn(Arn=arn_of(name)))
    conversation.check_error(
        "get_layer_version_by_arn_exc_nonexistentversion", lambda: client.get_layer_version_by_arn(Arn=arn_of(name, 2))
    )
    for answer, layer, number in (
        ("get_layer_version_exc_layer_doesnotexist", "doesnotexist", 1),
        ("get_layer_version_exc_layer_version_doesnotexist_2", name, 2),
        ("get_layer_version_exc_layer_version_doesnotexist_negative", name, -1),
        ("get_layer_version_exc_layer_version_doesnotexist_zero", name, 0),
    ):
        conversation.check_error(answer, lambda layer=layer, number=number: client.get_layer_version(LayerName=layer, VersionNumber=number))
    conversation.check_error(
        "delete_layer_version_exc_layerversion_invalid_version",
        lambda: client.delete_layer_version(LayerName=name, VersionNumber=-1),
    )
    conversation.check("delete_nonexistent_response", client.delete_layer_version(LayerName="doesnotexist", VersionNumber=1))
    conversation.check("delete_nonexistent_version_response", client.delete_layer_version(LayerName=name, VersionNumber=2))
    conversation.check("delete_layer_response", client.delete_layer_version(LayerName=name, VersionNumber=1))
    conversation.check("delete_layer_again_response", client.delete_layer_version(LayerName=name, VersionNumber=1))
    conversation.check("list_nonexistent_layer", client.list_layer_versions(LayerName="doesnotexist"))
    conversation.check_error(
        "list_layers_exc_compatibleruntime_invalid", lambda: client.list_layers(CompatibleRuntime="runtimedoesnotexist")
    )
    conversation.check_error(
        "list_layers_exc_compatiblearchitecture_invalid", lambda: client.list_layers(CompatibleArchitecture="archdoesnotexist")
    )


def test_layers_that_a_function_cannot_have(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaLayer::test_layer_function_exceptions"), requests.client, "refused"
    function = "layered-refused"
    settings: dict[str, Any] = {"CompatibleRuntimes": [], "CompatibleArchitectures": ["x86_64"]}
    for answer in ("publish_result", "publish_result_2", "publish_result_3"):
        conversation.check(answer, comparable(publish(requests, name, **settings)))
    requests.create_active(function, Timeout=30, **NO_VARIABLES)
    conversation.check("get_fn_result", located(client.get_function(FunctionName=function)))
    one, two, three = (arn_of(name, number) for number in (1, 2, 3))
    for answer, layers in (
        ("two_layer_versions_single_function_exc", [one, two]),
        ("three_layer_versions_single_function_exc", [one, two, three]),
        ("two_identical_layer_versions_single_function_exc", [one, one]),
        ("add_nonexistent_layer_exc", [arn_of("doesnotexist", 1)]),
        ("add_nonexistent_layer_version_exc", [arn_of(name, 9)]),
        ("add_layer_arn_without_version_exc", [arn_of(name)]),
    ):
        conversation.check_error(answer, lambda layers=layers: client.update_function_configuration(FunctionName=function, Layers=layers))
    elsewhere = server.client(region="us-west-2").publish_layer_version(LayerName="elsewhere", Content={"ZipFile": requests.zip_of()})
    conversation.check_error(
        "create_function_with_layer_in_different_region",
        lambda: requests.create("layered-abroad", Layers=[elsewhere["LayerVersionArn"]]),
    )


def test_six_layers(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaLayer::test_layer_function_quota_exception")
    layers = [publish(requests, f"six-{number}")["LayerVersionArn"] for number in range(6)]
    conversation.check_error("create_function_with_six_layers", lambda: requests.create("layered-six", Layers=layers))
    assert [layer["Arn"] for layer in requests.create("layered-five", Layers=layers[:5])["Layers"]] == layers[:5]


def test_a_layer_without_anything_optional(replay: Any, requests: Any) -> None:
    # Recorded of an archive in S3, which is answered in the same way.
    conversation = replay("TestLambdaLayer::test_layer_s3_content")
    conversation.check("publish_layer_result", comparable(publish(requests, "bare")))


def test_contents_that_cannot_be(requests: Any) -> None:
    client = requests.client
    source = {"S3Bucket": "no-such-bucket", "S3Key": "layer.zip"}
    code, message = error_of(lambda: client.publish_layer_version(LayerName="s3", Content=source))
    assert (code, "NoSuchBucket" in message) == ("InvalidParameterValueException", True)
    for content in ({}, {"ZipFile": b""}, {"ZipFile": b"no zip"}, {"ZipFile": requests.zip_of(), **source}):
        code, _ = error_of(lambda content=content: client.publish_layer_version(LayerName="impossible", Content=content))
        assert code == "InvalidParameterValueException"
    assert client.list_layer_versions(LayerName="impossible")["LayerVersions"] == []


def test_numbers_are_never_given_twice(requests: Any) -> None:
    assert [publish(requests, "counted")["Version"] for _ in range(3)] == [1, 2, 3]
    for number in (1, 2, 3):
        requests.client.delete_layer_version(LayerName="counted", VersionNumber=number)
    assert publish(requests, arn_of("counted"))["Version"] == 4
    assert [version["Version"] for version in requests.client.list_layer_versions(LayerName="counted")["LayerVersions"]] == [4]


def test_lists_by_runtime_and_architecture_and_page(requests: Any, server: Any) -> None:
    client = requests.client = server.client(account_id="333333333333")  # nothing else is in its lists
    published = [
        ("a", ["python3.12"], ["x86_64"]),
        ("a", ["python3.13"], ["x86_64", "arm64"]),
        ("a", ["python3.13"], ["arm64"]),
        ("b", None, None),
        ("c", ["python3.12"], ["arm64"]),
    ]
    for name, runtimes, architectures in published:
        optional = {"CompatibleRuntimes": runtimes, "CompatibleArchitectures": architectures}
        publish(requests, name, **{key: value for key, value in optional.items() if value is not None})

    def layers(**filters: Any) -> list[tuple[str, int]]:
        pages = client.get_paginator("list_layers").paginate(**filters, PaginationConfig={"PageSize": 1})
        return [(layer["LayerName"], layer["LatestMatchingVersion"]["Version"]) for layer in pages.build_full_result()["Layers"]]

    def versions(**filters: Any) -> list[int]:
        pages = client.get_paginator("list_layer_versions").paginate(LayerName="a", **filters, PaginationConfig={"PageSize": 1})
        return [version["Version"] for version in pages.build_full_result()["LayerVersions"]]

    assert layers() == [("a", 3), ("b", 1), ("c", 1)]
    assert layers(CompatibleRuntime="python3.12") == [("a", 1), ("c", 1)]
    assert layers(CompatibleArchitecture="x86_64") == [("a", 2)]
    assert layers(CompatibleRuntime="python3.12", CompatibleArchitecture="arm64") == [("c", 1)]
    assert (versions(), versions(CompatibleRuntime="python3.13")) == ([3, 2, 1], [3, 2])
    assert versions(CompatibleArchitecture="x86_64") == [2, 1]


def test_layers_of_others_need_a_permission(requests: Any, server: Any) -> None:
    name, other = "theirs", server.client(account_id="444444444444")
    theirs = arn_of(name, 1, account_id="444444444444")
    denied = (
        "AccessDeniedException",
        (
            f"User: arn:aws:iam::{ACCOUNT_ID}:root is not authorized to perform: lambda:GetLayerVersion on resource: {theirs} "
            "because no resource-based policy allows the lambda:GetLayerVersion action"
        ),
    )

    def use(function: str) -> Any:
        return requests.create(function, Layers=[theirs])

    assert error_of(lambda: use("borrowing")) == denied
    content = requests.zip_of()
    other.publish_layer_version(LayerName=name, Content={"ZipFile": content})
    assert error_of(lambda: use("borrowing")) == denied
    assert error_of(lambda: requests.client.get_layer_version_by_arn(Arn=theirs)) == denied
    for operation in (
        lambda: requests.client.delete_layer_version(LayerName=theirs.rpartition(":")[0], VersionNumber=1),
        lambda: requests.client.list_layer_versions(LayerName=theirs.rpartition(":")[0]),
        lambda: publish(requests, theirs.rpartition(":")[0]),
    ):
        assert error_of(operation)[0] == "AccessDeniedException"
    other.add_layer_version_permission(
        LayerName=name, VersionNumber=1, StatementId="share", Action="lambda:GetLayerVersion", Principal=ACCOUNT_ID
    )
    assert use("borrowing")["Layers"][0]["Arn"] == theirs
    got = requests.client.get_layer_version_by_arn(Arn=theirs)
    assert urllib.request.urlopen(got["Content"]["Location"]).read() == content
    assert got == requests.client.get_layer_version(LayerName=arn_of(name, account_id="444444444444"), VersionNumber=1) | {
        "ResponseMetadata": got["ResponseMetadata"],
        "Content": got["Content"],
    }
    other.delete_layer_version(LayerName=name, VersionNumber=1)
    assert error_of(lambda: use("borrowing-2")) == denied
    server.settle("borrowing")
    assert requests.client.get_function_configuration(FunctionName="borrowing")["Layers"][0]["Arn"] == theirs


def test_layers_are_taken_away_and_reordered(requests: Any, server: Any) -> None:
    function, client = "relayered", requests.client
    layers = [publish(requests, f"relayered-{number}")["LayerVersionArn"] for number in range(2)]
    requests.create_active(function, Layers=layers)
    for wanted in (layers[::-1], layers[:1]):
        client.update_function_configuration(FunctionName=function, Layers=wanted)
        server.settle(function)
        assert [layer["Arn"] for layer in client.get_function_configuration(FunctionName=function)["Layers"]] == wanted
    client.update_function_configuration(FunctionName=function, Description="other")
    server.settle(function)
    assert len(client.list_functions()["Functions"]) > 0
    assert len(client.get_function_configuration(FunctionName=function)["Layers"]) == 1
    client.update_function_configuration(FunctionName=function, Layers=[])
    server.settle(function)
    assert "Layers" not in client.get_function_configuration(FunctionName=function)


def test_code_and_layers_together_are_too_large(requests: Any, server: Any) -> None:
    large = requests.zip_of("x" * 200_000_000, "large")
    layer = requests.client.publish_layer_version(LayerName="large", Content={"ZipFile": large})["LayerVersionArn"]
    code = {"ZipFile": requests.zip_of("x" * 70_000_000, "handler.py")}
    message = "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 270000000 bytes."
    expected = "InvalidParameterValueException", message
    assert error_of(lambda: requests.create("oversized", Code=code, Layers=[layer])) == expected
    requests.create_active("oversized", Layers=[layer])
    for dry_run in (True, False):
        update = {"FunctionName": "oversized", "DryRun": dry_run, **code}
        assert error_of(lambda update=update: requests.client.update_function_code(**update)) == expected
    requests.create_active("oversized-later", Code=code)
    update = {"FunctionName": "oversized-later", "Layers": [layer]}
    assert error_of(lambda: requests.client.update_function_configuration(**update)) == expected


def test_layers_count_towards_the_storage_for_code(requests: Any, server: Any) -> None:
    client = requests.client = server.client(account_id="595959595959")
    size = publish(requests, "stored")["Content"]["CodeSize"]
    assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] == size
    client.delete_layer_version(LayerName="stored", VersionNumber=1)
    assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] == 0


def located(answer: dict[str, Any]) -> dict[str, Any]:
    """GetFunction's answer with a location that does not change."""
    answer["Code"]["Location"] = "location"
    return answer
