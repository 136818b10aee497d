"""Every form of a function's name and qualifier, right and wrong."""

from typing import Any

import pytest

ACCOUNT_ID, REGION = "111111111111", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function"

_SETTINGS_OF_FUNCTIONS = ("get_function_concurrency", "get_function_url_config")

_CASES: dict[str, tuple[str, str | None]] = {
    "full_arn_and_qualifier_too_long_and_invalid_region": (
        f"arn:aws:lambda:invalid-region:{ACCOUNT_ID}:function:my-function-{'a' * 170}",
        "a" * 129,
    ),
    "full_arn_with_multiple_qualifiers": (f"{ARN}:my-function:1:2", None),
    "function_name_and_qualifier_too_long": ("my-function", "a" * 65),
    "function_name_is_single_invalid": ("*", None),
    "function_name_too_long": ("a" * 65, None),
    "function_name_too_long_and_invalid_region": (f"arn:aws:lambda:invalid-region:{ACCOUNT_ID}:function:my-function{'a' * 170}", None),
    "incomplete_arn": (ARN, None),
    "invalid_account_id_in_partial_arn": ("invalid-account:function:my-function", None),
    "invalid_characters_in_function_name": ("my-function!", None),
    "invalid_characters_in_qualifier": ("my-function", "invalid!"),
    "invalid_region_in_arn": (f"arn:aws:lambda:invalid-region:{ACCOUNT_ID}:function:my-function", None),
    "latest_version_with_additional_qualifier": (f"{ARN}:my-function:$LATEST", "1"),
    "lowercase_latest_qualifier": (f"{ARN}:my-function", "$latest"),
    "missing_account_id_in_arn": (f"arn:aws:lambda:{REGION}::function:my-function", None),
    "missing_region_in_arn": (f"arn:aws:lambda::{ACCOUNT_ID}:function:my-function", None),
    "misspelled_latest_in_arn": (f"{ARN}:my-function:$LATES", None),
    "non_lambda_arn": (f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:instance:i-1234567890abcdef0", None),
    "partial_arn_with_extra_qualifier": ("function:my-function:$LATEST:extra", None),
    "qualifier_too_long": ("my-function", "a" * 129),
    "qualifier_too_long0": ("my-function", "a" * 129),
    "qualifier_too_long1": ("my-function", "a" * 65),
}


@pytest.mark.parametrize("operation", ["create_function", "delete_function", "get_function", "invoke"])
@pytest.mark.parametrize("case", sorted(_CASES))
def test_names_and_qualifiers_are_validated_as_aws_does(replay: Any, recorded: Any, lambda_client: Any, case: str, operation: str) -> None:
    conversation_name = f"TestLambdaFunction::test_function_name_and_qualifier_validation[{case}-{operation}]"
    name, qualifier = _CASES[case]
    if conversation_name not in recorded:
        assert operation == "create_function"  # AWS creates functions of these names
        return
    parameters: dict[str, Any] = {"FunctionName": name}
    if operation == "create_function":
        parameters = {
            "FunctionName": name if qualifier is None else f"{name}:{qualifier}",
            "Role": f"arn:aws:iam::{ACCOUNT_ID}:role/lambda-role",
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Code": {"ZipFile": b"not looked at"},
        }
    elif qualifier is not None:
        parameters["Qualifier"] = qualifier
    replay(conversation_name).check_violations(f"{operation}_exception", lambda: getattr(lambda_client, operation)(**parameters))


@pytest.mark.parametrize("operation", ["delete_function", "get_function", "get_function_configuration"])
def test_the_qualifier_must_be_the_one_in_the_name(replay: Any, lambda_client: Any, operation: str) -> None:
    conversation = replay(f"TestLambdaFunction::test_ops_with_arn_qualifier_mismatch[{operation}]")
    method = getattr(lambda_client, operation)
    conversation.check_error("not_match_exception", lambda: method(FunctionName=f"{ARN}:some-function:1", Qualifier="$LATEST"))
    conversation.check_error("match_exception", lambda: method(FunctionName=f"{ARN}:some-function:$LATEST", Qualifier="$LATEST"))


@pytest.mark.parametrize("operation", ["delete_function", "get_function", "get_function_configuration", *_SETTINGS_OF_FUNCTIONS])
def test_a_function_that_is_not_there(replay: Any, lambda_client: Any, operation: str) -> None:
    conversation = replay(f"TestLambdaFunction::test_ops_on_nonexisting_fn[{operation}]")
    conversation.bind("<nonexisting-fn-name>", "i-dont-exist")
    conversation.check_error("not_found_exception", lambda: getattr(lambda_client, operation)(FunctionName="i-dont-exist"))


@pytest.mark.parametrize("operation", ["delete_function", "get_function", "get_function_configuration", "invoke", *_SETTINGS_OF_FUNCTIONS])
def test_a_function_of_another_region(replay: Any, lambda_client: Any, operation: str) -> None:
    conversation = replay(f"TestLambdaFunction::test_get_function_wrong_region[{operation}]")
    conversation.bind("<wrong-region>", "eu-central-1")
    arn = f"arn:aws:lambda:eu-central-1:{ACCOUNT_ID}:function:i-exist"
    conversation.check_error("wrong_region_exception", lambda: getattr(lambda_client, operation)(FunctionName=arn))


def test_an_invocation_of_what_is_no_name(replay: Any, server: Any) -> None:
    conversation = replay("TestLambdaFunction::test_invalid_invoke")
    arn = f"arn:aws:lambda:{REGION}:123400000000@function:myfn"
    conversation.check_error("invoke_function_name_pattern_exc", lambda: server.client().invoke(FunctionName=arn, Payload=b"{}"))
