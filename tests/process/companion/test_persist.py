"""What the companion holds, over restarts."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.server import Server
from tests.support.waiting import eventually

from .processes import companions_of

STACK = {
    "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "of-a-stack"}}, "Queue": {"Type": "AWS::SQS::Queue"}}
}


def fill(server: Server) -> dict[str, Any]:
    """Something of every kind; what must be found again."""
    s3, sqs, kms = server.client("s3"), server.client("sqs"), server.client("kms")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="kept", Key="k", Body=b"v" * 100_000, Metadata={"a_b": "c"})
    queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="a message")
    table = server.client("dynamodb", account="123456789012")
    table.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(TableName="kept", Item={"id": {"S": "1"}})
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    signature = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256")["Signature"]
    server.client("ssm").put_parameter(Name="/kept", Value="p", Type="String")
    server.client("secretsmanager").create_secret(Name="kept", SecretString="s")
    server.client("sns").create_topic(Name="kept")
    server.client("cloudformation").create_stack(StackName="kept", TemplateBody=json.dumps(STACK))
    return {"key": key, "signature": signature}


def check(server: Server, filled: dict[str, Any]) -> None:
    found = server.client("s3").get_object(Bucket="kept", Key="k")
    assert (found["Body"].read(), found["Metadata"]) == (b"v" * 100_000, {"a_b": "c"})
    sqs = server.client("sqs")
    url = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "a message"
    item = server.client("dynamodb", account="123456789012").get_item(TableName="kept", Key={"id": {"S": "1"}})
    assert item["Item"] == {"id": {"S": "1"}}
    verified = server.client("kms").verify(
        KeyId=filled["key"], Message=b"m", Signature=filled["signature"], SigningAlgorithm="RSASSA_PSS_SHA_256"
    )
    assert verified["SignatureValid"]
    assert server.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"] == "p"
    assert server.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "s"
    cloudformation = server.client("cloudformation")
    cloudformation.delete_stack(StackName="kept")
    assert "of-a-stack" not in [bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]]


@pytest.mark.thorough
def test_everything_is_there_after_a_restart(start_server: StartServer, tmp_path: Path) -> None:
    first = start_server("--persist", data_directory=tmp_path / "data")
    filled = fill(first)
    first.stop()
    assert "will not be there" not in first.log_file.read_text()
    second = start_server("--persist", data_directory=tmp_path / "data")
    assert companions_of(second) == []
    check(second, filled)


def test_what_was_written_is_there_after_a_kill(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server("--persist", data_directory=tmp_path / "data")
    server.client("sqs").create_queue(QueueName="q")
    eventually(lambda: (tmp_path / "data" / "companion" / "state" / "state").exists() or None, what="a snapshot")
    (companion,) = companions_of(server)
    companion.kill()
    companion.wait(30)
    urls = server.client("sqs", retries={"total_max_attempts": 5}).list_queues()["QueueUrls"]
    assert [url.rpartition("/")[2] for url in urls] == ["q"]


@pytest.mark.thorough
def test_nothing_is_kept_unless_that_is_asked_for(start_server: StartServer, tmp_path: Path) -> None:
    first = start_server(data_directory=tmp_path / "data")
    assert first.process.stdout is not None
    assert "in memory only" in first.process.stdout.readline()
    first.client("sqs").create_queue(QueueName="q")
    assert "in memory only" in first.log_file.read_text()
    first.stop()
    second = start_server(data_directory=tmp_path / "data")
    assert "QueueUrls" not in second.client("sqs").list_queues()


@pytest.mark.thorough
@pytest.mark.parametrize("content", [b"not a state", b'{"format": 1, "moto": "4.0.0"}\n', b""])
def test_a_state_that_cannot_be_read_is_put_aside(start_server: StartServer, tmp_path: Path, content: bytes) -> None:
    directory = tmp_path / "data" / "companion" / "state"
    directory.mkdir(parents=True)
    (directory / "state").write_bytes(content)
    server = start_server("--persist", data_directory=tmp_path / "data")
    assert "QueueUrls" not in server.client("sqs").list_queues()
    assert "cannot be read" in server.log_file.read_text()
    assert [path.read_bytes() for path in directory.glob("state.unread-*")] == [content]
