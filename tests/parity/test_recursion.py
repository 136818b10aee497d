"""Recursive loops: what functions are configured to do about them."""

from typing import Any

import pytest


def test_loops_are_allowed(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaRecursion::test_put_function_recursion_config_allow"), requests.client, "loops"
    requests.create_active(name)
    put = client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    conversation.check("put_recursion_config_response", put)
    conversation.check("get_recursion_config_response", client.get_function_recursion_config(FunctionName=name))
    client.delete_function(FunctionName=name)
    requests.create_active(name)
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"


def test_loops_are_terminated_unless_somebody_says_otherwise(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaRecursion::test_put_function_recursion_config_default_terminate")
    requests.create_active("default-loops")
    answer = requests.client.get_function_recursion_config(FunctionName="default-loops")
    conversation.check("get_recursion_default_terminate_response", answer)


def test_a_value_that_there_is_not(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaRecursion::test_put_function_recursion_config_invalid_value")
    requests.create_active("invalid-loops")
    put = requests.client.put_function_recursion_config
    conversation.check_error("put_recursion_invalid_value_error", lambda: put(FunctionName="invalid-loops", RecursiveLoop="InvalidValue"))


def test_a_function_that_is_not_there(requests: Any) -> None:
    client = requests.client
    for operation, parameters in (
        (client.get_function_recursion_config, {}),
        (client.put_function_recursion_config, {"RecursiveLoop": "Allow"}),
    ):
        with pytest.raises(client.exceptions.ResourceNotFoundException, match=r"Function not found: arn:aws:lambda:.*:function:no-loops$"):
            operation(FunctionName="no-loops", **parameters)
