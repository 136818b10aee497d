"""Functions that use other services through plain SDKs: endpoint, credentials and region are in their environment."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.invoking import succeed
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool

USES_SERVICES = """
import boto3

s3, sqs, dynamodb = boto3.client("s3"), boto3.client("sqs"), boto3.resource("dynamodb")

def handler(event, context):
    bucket = f"of-{event['account']}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=bucket, Key="a key/ü", Body=b"x" * event["size"])
    queue = sqs.create_queue(QueueName="made-inside")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="from inside")
    table = dynamodb.create_table(
        TableName="made-inside",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(Item={"id": "1", "said": "from inside"})
    return {
        "size": len(s3.get_object(Bucket=bucket, Key="a key/ü")["Body"].read()),
        "account": boto3.client("sts").get_caller_identity()["Account"],
        "table": table.table_arn,
        "queue": queue,
        "message": sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"],
        "item": table.get_item(Key={"id": "1"})["Item"]["said"],
    }
"""

NODE = """
const { S3Client, CreateBucketCommand, PutObjectCommand, GetObjectCommand } = require("@aws-sdk/client-s3");
const { SQSClient, CreateQueueCommand, SendMessageCommand, ReceiveMessageCommand } = require("@aws-sdk/client-sqs");
const s3 = new S3Client({}), sqs = new SQSClient({});

exports.handler = async () => {
  await s3.send(new CreateBucketCommand({ Bucket: "made-in-node" }));
  await s3.send(new PutObjectCommand({ Bucket: "made-in-node", Key: "a key/ü", Body: "from node" }));
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "made-in-node" }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "from node" }));
  const object = await s3.send(new GetObjectCommand({ Bucket: "made-in-node", Key: "a key/ü" }));
  const received = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
  return [await object.Body.transformToString(), received.Messages[0].Body];
};
"""


@pytest.fixture(scope="module", params=["host", "isolated", "process"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One of each kind."""
    mode: str = request.param
    options = ("--isolation", "process") if mode == "process" else ("--network", mode)
    with Server.start(*options, data_directory=tmp_path_factory.mktemp(mode)) as running:
        yield running


@pytest.mark.parametrize("account", ["000000000000", "123456789012"])
def test_boto3_finds_every_service(server: Server, account: str) -> None:
    client = server.client("lambda", account=account, region="eu-central-1")
    code = {"ZipFile": zip_of({"app.py": USES_SERVICES})}
    settings: dict[str, Any] = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, "MemorySize": 1024, "Timeout": 120}
    client.create_function(FunctionName="uses", Code=code, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName="uses", WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    answer = client.invoke(FunctionName="uses", Payload=json.dumps({"size": 3_000_000, "account": account}))
    payload = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, payload
    port = server.endpoint_url.rpartition(":")[2]
    for part in (
        '"size": 3000000',
        f'"account": "{account}"',
        f'"table": "arn:aws:dynamodb:eu-central-1:{account}:table/made-inside"',
        f'"queue": "http://127.0.0.1:{port}/{account}/made-inside"',
        '"message": "from inside"',
        '"item": "from inside"',
    ):
        assert part in payload
    found = server.client("dynamodb", account=account, region="eu-central-1").get_item(TableName="made-inside", Key={"id": {"S": "1"}})
    assert found["Item"]["said"]["S"] == "from inside"


def test_the_sdk_for_javascript_finds_them_too(server: Server, tmp_path: Path) -> None:
    require_tool("node")
    npm = require_tool("npm")
    packages = ["@aws-sdk/client-s3@3", "@aws-sdk/client-sqs@3"]
    subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(tmp_path), *packages], check=True, timeout=300)
    (tmp_path / "index.js").write_text(NODE)
    archive = Path(shutil.make_archive(str(tmp_path.parent / "node-sdk"), "zip", tmp_path))
    settings: dict[str, Any] = {"Runtime": "nodejs22.x", "Handler": "index.handler", "Role": ROLE, "MemorySize": 1024, "Timeout": 120}
    server.client("lambda").create_function(FunctionName="in-node", Code={"ZipFile": archive.read_bytes()}, **settings)
    server.wait_until_settled("in-node")
    assert succeed(server, "in-node", {}) == ["from node", "from node"]
