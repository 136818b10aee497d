"""Versions that are published together with a creation or an update of code."""

from typing import Any

NO_VARIABLES: dict[str, Any] = {"Environment": {"Variables": {}}}


def test_publishing_on_creation(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaVersions::test_publish_version_on_create"), requests.client, "publish-on-create"
    conversation.bind("<location>", "signed")
    conversation.check("create_response", requests.create(name, Publish=True, **_parameters(conversation, "create_response")))
    server.settle(name)
    for answer, qualifier in (
        ("get_function_version_result", {"Qualifier": "1"}),
        ("get_function_latest_result", {"Qualifier": "$LATEST"}),
        ("get_function_result", {}),
    ):
        conversation.check(answer, _located(client.get_function(FunctionName=name, **qualifier)))
    conversation.check("list_versions_result", client.list_versions_by_function(FunctionName=name))
    repeated = client.publish_version(FunctionName=name, Description="Repeated version description :)")
    conversation.check("repeated_publish_response", repeated)
    conversation.check("list_versions_result_after_publish", client.list_versions_by_function(FunctionName=name))


def test_publishing_with_an_update(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaVersions::test_publish_with_update"), requests.client, "publish-with-update"
    conversation.bind("<location>", "signed")
    created = requests.create_active(name, **_parameters(conversation, "create_response"))
    conversation.check("create_response", created)
    conversation.check("get_function_result", _located(client.get_function(FunctionName=name)))
    with server.activations_held():
        updated = client.update_function_code(FunctionName=name, ZipFile=requests.zip_of("A = 2\n"), Publish=True)
        conversation.check("update_function_code_result", updated)
        version, latest = (client.get_function(FunctionName=name, Qualifier=qualifier) for qualifier in ("1", "$LATEST"))
    conversation.check("get_function_version_result", _located(version))
    conversation.check("get_function_latest_result", _located(latest))


def _parameters(conversation: Any, answer: str) -> dict[str, Any]:
    """What the recorded function was created with, beside the defaults."""
    created = conversation.recorded(answer)
    return {"Timeout": created["Timeout"], "Handler": created["Handler"]} | (NO_VARIABLES if "Environment" in created else {})


def _located(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"Code": answer["Code"] | {"Location": "signed"}}
