"""Other services that know of functions: Secrets Manager, which calls them, and those that only want to know that they are there."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import read_log
from tests.support.server import Server
from tests.support.waiting import eventually

from .received import arn_of

ROTATES = """
import boto3

client = boto3.client("secretsmanager")

def handler(event, context):
    print("STEP", event["Step"], event["SecretId"])
    arn, token = event["SecretId"], event["ClientRequestToken"]
    versions = client.describe_secret(SecretId=arn)["VersionIdsToStages"]
    assert versions[token] == ["AWSPENDING"] or "AWSPENDING" in versions[token], versions
    if event["Step"] == "createSecret":
        client.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")
        try:
            client.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
        except client.exceptions.ResourceNotFoundException:
            client.put_secret_value(SecretId=arn, ClientRequestToken=token, SecretString="new", VersionStages=["AWSPENDING"])
    if event["Step"] == "testSecret":
        pending = client.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")["SecretString"]
        assert pending == "new"
        if "fails" in arn:
            raise ValueError("the new one does not work")
    if event["Step"] == "finishSecret":
        current = next(version for version, stages in versions.items() if "AWSCURRENT" in stages)
        client.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )
"""
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]


@pytest.fixture(scope="module")
def rotates(server: Server) -> str:
    return server.deploy("rotates", ROTATES, Timeout=60, MemorySize=512)


def rotate(server: Server, secret: str, function: str) -> str:
    """The secret's ARN."""
    secrets = server.client("secretsmanager")
    arn: str = secrets.create_secret(Name=secret, SecretString="old")["ARN"]
    secrets.rotate_secret(SecretId=secret, RotationLambdaARN=arn_of(function), RotationRules={"AutomaticallyAfterDays": 30})
    return arn


def steps_of(server: Server, function: str, secret_arn: str, *, count: int) -> list[str]:
    """Once the log has so many."""

    def find() -> list[str] | None:
        lines = [line.split() for line in read_log(server, function) if line.startswith("STEP ")]
        steps = [step for _, step, arn in lines if arn == secret_arn]
        return steps if len(steps) >= count else None

    return eventually(find, what=f"{count} steps")


def test_a_secret_is_rotated_in_four_steps(server: Server, rotates: str) -> None:
    arn = rotate(server, "rotated", rotates)
    secrets = server.client("secretsmanager")
    assert secrets.get_secret_value(SecretId="rotated")["SecretString"] == "new"
    assert secrets.get_secret_value(SecretId="rotated", VersionStage="AWSPREVIOUS")["SecretString"] == "old"
    described = secrets.describe_secret(SecretId="rotated")
    assert (described["RotationEnabled"], described["RotationLambdaARN"]) == (True, arn_of(rotates))
    assert steps_of(server, rotates, arn, count=4) == STEPS


def test_a_rotation_that_fails_leaves_the_secret_as_it_is(server: Server, rotates: str) -> None:
    arn = rotate(server, "fails", rotates)
    assert server.client("secretsmanager").get_secret_value(SecretId="fails")["SecretString"] == "old"
    assert steps_of(server, rotates, arn, count=3) == STEPS[:3]
    assert "the new one does not work" in server.log_file.read_text()


def test_a_function_that_is_not_there_rotates_nothing(server: Server) -> None:
    secrets = server.client("secretsmanager")
    secrets.create_secret(Name="unrotated", SecretString="old")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.rotate_secret(SecretId="unrotated", RotationLambdaARN=arn_of("nobody"))
    assert secrets.get_secret_value(SecretId="unrotated")["SecretString"] == "old"


@pytest.mark.parametrize("name", ["rotates", "nobody"])
def test_rules_of_config_and_ses_know_which_functions_there_are(server: Server, rotates: str, name: str) -> None:
    details = [{"EventSource": "aws.config", "MessageType": "ConfigurationItemChangeNotification"}]
    source = {"Owner": "CUSTOM_LAMBDA", "SourceIdentifier": arn_of(name), "SourceDetails": details}
    rule: dict[str, Any] = {"Name": "r", "Actions": [{"LambdaAction": {"FunctionArn": arn_of(name)}}]}
    config, ses = server.client("config"), server.client("ses")
    rule_set = f"set-{name}"
    ses.create_receipt_rule_set(RuleSetName=rule_set)
    calls = [
        lambda: config.put_config_rule(ConfigRule={"ConfigRuleName": f"rule-{name}", "Source": source}),
        lambda: ses.create_receipt_rule(RuleSetName=rule_set, Rule=rule),
    ]
    for call in calls:
        if name == rotates:
            call()
        else:
            with pytest.raises(ClientError, match=r"InsufficientPermissions|InvalidLambdaFunction"):
                call()
