"""The logging configuration and its defaults."""

from typing import Any

import pytest

from alonzo.ids import new_hex_id

PARAMETERS: dict[str, Any] = {"MemorySize": 256, "Timeout": 5, "Environment": {"Variables": {}}}


def test_levels_of_the_json_format(replay: Any, requests: Any, server: Any) -> None:
    conversation = replay("TestLoggingConfig::test_function_advanced_logging_configuration")
    _replay_change(conversation, requests, server, before={"LogFormat": "JSON"}, change={"LogGroup": "cool_lambda"})


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, {"LogFormat": "JSON"}),
        (1, {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}),
        (2, {"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}),
        (3, {"LogGroup": "cool_lambda"}),
    ],
)
def test_partial_changes(replay: Any, requests: Any, server: Any, number: int, change: dict[str, str]) -> None:
    conversation = replay(f"TestLoggingConfig::test_function_partial_advanced_logging_configuration_update[partial_config{number}]")
    _replay_change(conversation, requests, server, before=None, change=change)


def test_back_to_text(replay: Any, requests: Any, server: Any) -> None:
    conversation = replay("TestLoggingConfig::test_advanced_logging_configuration_format_switch")
    client, name = requests.client, "format-switch"
    conversation.check("create_response", requests.create_active(name, **PARAMETERS))
    conversation.check("get_function_response", _located(client.get_function(FunctionName=name)))
    conversation.check("function_config", client.get_function_configuration(FunctionName=name))
    for suffix, log_format in (("", "JSON"), ("_v2", "Text")):
        updated = client.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": log_format})
        conversation.check(f"updated_config{suffix}", updated)
        server.settle(name)
        conversation.check(f"received_config{suffix}", client.get_function_configuration(FunctionName=name))


def _replay_change(conversation: Any, requests: Any, server: Any, *, before: dict[str, str] | None, change: dict[str, str]) -> None:
    client, name = requests.client, f"logging-{new_hex_id(4)}"
    logging = {} if before is None else {"LoggingConfig": before}
    conversation.check("create_response", requests.create_active(name, **PARAMETERS, **logging))
    conversation.check("get_function_response", _located(client.get_function(FunctionName=name)))
    conversation.check("function_config", client.get_function_configuration(FunctionName=name))
    updated = client.update_function_configuration(FunctionName=name, LoggingConfig=change)
    conversation.check("updated_config", updated)
    server.settle(name)
    conversation.check("received_config", client.get_function_configuration(FunctionName=name))


def _located(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"Code": answer["Code"] | {"Location": "signed"}}
