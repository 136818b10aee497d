"""What Invoke says to requests that it does not carry out; accounts and regions apart; the download of code."""

import hashlib
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import invoke, succeed
from tests.support.server import ROLE, Server, zip_of

ECHO = "def handler(event, context):\n    return [event, context.invoked_function_arn]\n"


@pytest.fixture(scope="module")
def echo(server: Server) -> str:
    """Returns its event and its ARN."""
    return server.deploy("echo", ECHO)


def refusal(server: Server, *, region: str = "us-east-1", account: str = "test", **parameters: Any) -> tuple[int, str, str]:
    """Status, code and message of a refused Invoke. The client checks nothing itself: what the server says is what counts."""
    client = server.client("lambda", region=region, account=account, parameter_validation=False)
    with pytest.raises(ClientError) as refused:
        client.invoke(**parameters)
    response = refused.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


@pytest.mark.parametrize(
    ("parameter", "member", "values"),
    [("InvocationType", "invocationType", "[Event, RequestResponse, DryRun]"), ("LogType", "logType", "[None, Tail]")],
)
def test_values_that_aws_does_not_know_are_refused(server: Server, echo: str, parameter: str, member: str, values: str) -> None:
    status, code, message = refusal(server, FunctionName=echo, **{parameter: "garbage"})
    assert (status, code) == (400, "ValidationException")
    where = f"Value 'garbage' at '{member}' failed to satisfy constraint: Member must satisfy enum value set: ["
    assert message.startswith(f"1 validation error detected: {where}")
    assert sorted(message.rpartition("[")[2].rstrip("]").split(", ")) == sorted(values.strip("[]").split(", "))


def test_all_that_is_wrong_is_said_at_once(server: Server, echo: str) -> None:
    status, _, message = refusal(server, FunctionName=echo, InvocationType="a", LogType="b")
    assert status == 400
    assert message.startswith("2 validation errors detected: ")


@pytest.mark.parametrize("name", ["no spaces please", "name:with:colons:in:it", "arn:aws:s3:::bucket"])
def test_what_is_no_function_name_is_refused(server: Server, name: str) -> None:
    status, code, message = refusal(server, FunctionName=name)
    assert (status, code) == (400, "ValidationException")
    assert "failed to satisfy constraint" in message


def test_a_function_that_is_not_there_is_not_found(server: Server) -> None:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:nobody:$LATEST"
    assert refusal(server, FunctionName="nobody") == (404, "ResourceNotFoundException", f"Function not found: {arn}")


@pytest.mark.parametrize("qualifier", ["1", "live"])
def test_a_qualifier_that_is_not_there_is_not_found(server: Server, echo: str, qualifier: str) -> None:
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{echo}:{qualifier}"
    assert refusal(server, FunctionName=echo, Qualifier=qualifier) == (404, "ResourceNotFoundException", f"Function not found: {arn}")


def test_two_qualifiers_must_agree(server: Server, echo: str) -> None:
    status, code, message = refusal(server, FunctionName=f"{echo}:1", Qualifier="$LATEST")
    assert (status, code) == (400, "InvalidParameterValueException")
    assert message == "The derived qualifier from the function name does not match the specified qualifier."


def test_an_arn_of_another_region_is_refused(server: Server, echo: str) -> None:
    arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{echo}"
    expected = (404, "ResourceNotFoundException", "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')")
    assert refusal(server, FunctionName=arn) == expected


def test_a_dry_run_answers_204_and_runs_nothing(server: Server) -> None:
    name = server.deploy("dry", "raise SystemExit('never')\n")
    answer = server.client("lambda").invoke(FunctionName=name, InvocationType="DryRun", Payload=b"{}")
    assert (answer["StatusCode"], answer["Payload"].read()) == (204, b"")
    assert "FunctionError" not in answer
    assert refusal(server, FunctionName="nobody", InvocationType="DryRun")[0] == 404


def test_a_client_context_that_is_none_is_refused(server: Server, echo: str) -> None:
    for context in ("not base64!", "bm90IGpzb24=", "eyJ4IjogMX0" * 400):
        status, code, message = refusal(server, FunctionName=echo, ClientContext=context)
        assert (status, code) == (400, "InvalidRequestContentException")
        assert "lient context must be a valid Base64-encoded JSON object" in message


def test_functions_of_accounts_and_regions_do_not_meet(server: Server) -> None:
    places = [("test", "us-east-1"), ("111111111111", "us-east-1"), ("222222222222", "us-east-1"), ("111111111111", "eu-west-1")]
    for account, region in places:
        client = server.client("lambda", account=account, region=region)
        source = f"def handler(event, context):\n    return ['{account}', '{region}', context.invoked_function_arn]\n"
        client.create_function(
            FunctionName="same", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_of({"app.py": source})}
        )
        client.get_waiter("function_active_v2").wait(FunctionName="same", WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    for account, region in places:
        client = server.client("lambda", account=account, region=region)
        account_id = account if account.isdigit() else "000000000000"
        arn = f"arn:aws:lambda:{region}:{account_id}:function:same"
        assert client.invoke(FunctionName="same")["Payload"].read().decode() == f'["{account}", "{region}", "{arn}"]'
        assert [function["FunctionArn"] for function in client.list_functions()["Functions"] if function["FunctionName"] == "same"] == [arn]
    server.client("lambda", account="222222222222").delete_function(FunctionName="same")
    assert refusal(server, FunctionName="same", account="222222222222")[0] == 404
    assert invoke(server, "same").error is None
    assert refusal(server, FunctionName="same", region="ap-south-1")[0] == 404


def test_another_accounts_function_is_not_to_be_had_by_its_arn(server: Server, echo: str) -> None:
    status, code, _ = refusal(server, FunctionName=f"arn:aws:lambda:us-east-1:000000000000:function:{echo}", account="333333333333")
    assert (status, code) == (403, "AccessDeniedException")


def test_the_code_can_be_downloaded_with_a_plain_get(server: Server) -> None:
    package = zip_of({"app.py": ECHO, "data.txt": "☔"})
    client = server.client("lambda")
    client.create_function(FunctionName="download", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": package})
    location = client.get_function(FunctionName="download")["Code"]["Location"]
    with urllib.request.urlopen(location) as response:
        assert hashlib.sha256(response.read()).digest() == hashlib.sha256(package).digest()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(location.replace("ignature=", "ignature=0"))
    refused.value.close()
    assert refused.value.code == 403


def test_an_answer_names_its_request_and_its_version(server: Server, echo: str) -> None:
    answer = invoke(server, echo)
    assert answer.headers["x-amz-executed-version"] == "$LATEST"
    assert answer.headers["content-type"] == "application/json"
    assert "x-amz-function-error" not in answer.headers
    assert "x-amzn-trace-id" in answer.headers
    assert succeed(server, echo, 1)[0] == 1
