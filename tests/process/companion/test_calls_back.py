"""Functions that use other services through plain SDKs: endpoint, credentials and region are in their environment."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.invoking import succeed
from tests.support.java_code import compile_java
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool

from .sdk_programs import go_function, java_function

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

RUBY = """
require 'json'
require 'net/http'

def handler(event:, context:)
  place = "#{ENV['AWS_ACCESS_KEY_ID']}/20260101/#{ENV['AWS_REGION']}/sqs/aws4_request"
  headers = {
    'X-Amz-Target' => 'AmazonSQS.CreateQueue',
    'Content-Type' => 'application/x-amz-json-1.0',
    'X-Amz-Security-Token' => ENV['AWS_SESSION_TOKEN'],
    'Authorization' => "AWS4-HMAC-SHA256 Credential=#{place}, SignedHeaders=host, Signature=0"
  }
  JSON.parse(Net::HTTP.post(URI(ENV['AWS_ENDPOINT_URL']), JSON.generate(QueueName: event['queue']), headers).body)
end
"""

JAVA = """
package app;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;

public class Uses {
    public String handle(Map<String, String> event) throws Exception {
        String place = System.getenv("AWS_ACCESS_KEY_ID") + "/20260101/" + System.getenv("AWS_REGION") + "/sqs/aws4_request";
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("AWS_ENDPOINT_URL")))
            .header("X-Amz-Target", "AmazonSQS.CreateQueue")
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("X-Amz-Security-Token", System.getenv("AWS_SESSION_TOKEN"))
            .header("Authorization", "AWS4-HMAC-SHA256 Credential=" + place + ", SignedHeaders=host, Signature=0")
            .POST(HttpRequest.BodyPublishers.ofString("{\\"QueueName\\": \\"" + event.get("queue") + "\\"}"))
            .build();
        return HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body();
    }
}
"""

GO = """
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(api + "next")
		if err != nil {
			panic(err)
		}
		var event map[string]string
		json.NewDecoder(next.Body).Decode(&event)
		answer := api + next.Header.Get("Lambda-Runtime-Aws-Request-Id") + "/response"
		http.Post(answer, "application/json", bytes.NewReader(create(event["queue"])))
	}
}

func create(queue string) []byte {
	place := os.Getenv("AWS_ACCESS_KEY_ID") + "/20260101/" + os.Getenv("AWS_REGION") + "/sqs/aws4_request"
	body, _ := json.Marshal(map[string]string{"QueueName": queue})
	request, _ := http.NewRequest("POST", os.Getenv("AWS_ENDPOINT_URL"), bytes.NewReader(body))
	request.Header.Set("X-Amz-Target", "AmazonSQS.CreateQueue")
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Security-Token", os.Getenv("AWS_SESSION_TOKEN"))
	request.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=host, Signature=0", place))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	content, _ := io.ReadAll(answer.Body)
	return content
}
"""


@pytest.fixture(scope="module")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A program of the standard library alone."""
    directory = tmp_path_factory.mktemp("go")
    (directory / "main.go").write_text(GO)
    (directory / "go.mod").write_text("module uses\n\ngo 1.19\n")
    environment = os.environ | {"CGO_ENABLED": "0"}
    subprocess.run([require_tool("go"), "build", "-o", "bootstrap", "."], cwd=directory, env=environment, check=True, timeout=300)
    return (directory / "bootstrap").read_bytes()


@pytest.fixture(scope="module")
def java_classes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | bytes]:
    directory = tmp_path_factory.mktemp("java")
    source = directory / "app" / "Uses.java"
    source.parent.mkdir()
    source.write_text(JAVA)
    classes: dict[str, str | bytes] = {}
    classes.update(compile_java(directory / "app", directory))
    return classes


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


@pytest.fixture(scope="module")
def node_package(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A function in Node.js, with its SDK."""
    require_tool("node")
    npm, directory = require_tool("npm"), tmp_path_factory.mktemp("node-sdk")
    packages = ["@aws-sdk/client-s3@3", "@aws-sdk/client-sqs@3"]
    subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(directory), *packages], check=True, timeout=300)
    (directory / "index.js").write_text(NODE)
    return Path(shutil.make_archive(str(tmp_path_factory.mktemp("archive") / "node-sdk"), "zip", directory)).read_bytes()


@pytest.mark.thorough
def test_the_sdk_for_javascript_finds_them_too(server: Server, node_package: bytes) -> None:
    settings: dict[str, Any] = {"Runtime": "nodejs22.x", "Handler": "index.handler", "Role": ROLE, "MemorySize": 1024, "Timeout": 120}
    server.client("lambda").create_function(FunctionName="in-node", Code={"ZipFile": node_package}, **settings)
    server.wait_until_settled("in-node")
    assert succeed(server, "in-node", {}) == ["from node", "from node"]


walled = pytest.mark.parametrize("server", ["host", "isolated"], indirect=True, scope="module")
"""Without `--isolation process`, which makes no difference to these languages but time."""


def queue_made_by(server: Server, runtime: str, handler: str, files: Mapping[str, str | bytes]) -> Any:
    """What a function says of the queue that it made without any SDK."""
    name = f"uses-{runtime.partition('.')[0]}"
    settings: dict[str, Any] = {"Runtime": runtime, "Handler": handler, "Role": ROLE, "MemorySize": 512, "Timeout": 60}
    server.client("lambda").create_function(FunctionName=name, Code={"ZipFile": zip_of(dict(files))}, **settings)
    server.wait_until_settled(name)
    answer = succeed(server, name, {"queue": name})
    assert f"/000000000000/{name}" in json.dumps(answer)
    return server.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]


@walled
def test_ruby_calls_back(server: Server) -> None:
    require_tool("ruby")
    assert queue_made_by(server, "ruby3.3", "app.handler", {"app.rb": RUBY})


@pytest.mark.thorough
@walled
def test_java_calls_back(server: Server, java_classes: dict[str, str | bytes]) -> None:
    assert queue_made_by(server, "java17", "app.Uses::handle", java_classes)


@pytest.mark.thorough
@walled
def test_go_calls_back(server: Server, go_program: bytes) -> None:
    assert queue_made_by(server, "provided.al2023", "bootstrap", {"bootstrap": go_program})


def what_an_sdk_finds(server: Server, runtime: str, handler: str, files: Mapping[str, str | bytes]) -> Any:
    """What a function says that stores an object, sends and receives a message and keeps an item; all of it is to be seen from outside."""
    name, place = f"sdk-{runtime.partition('.')[0]}", {"account": "123456789012", "region": "eu-central-1"}
    s3, sqs, dynamodb = server.client("s3", **place), server.client("sqs", **place), server.client("dynamodb", **place)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    sqs.create_queue(QueueName=name)
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client = server.client("lambda", **place)
    settings: dict[str, Any] = {"Runtime": runtime, "Handler": handler, "Role": ROLE, "MemorySize": 1024, "Timeout": 120}
    client.create_function(FunctionName=name, Code={"ZipFile": zip_of(dict(files))}, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    event = {"bucket": name, "queue": name, "table": name, "size": 3_000_000}
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    payload = answer["Payload"].read()
    assert "FunctionError" not in answer, payload.decode()
    assert s3.get_object(Bucket=name, Key="a key/ü")["Body"].read() == b"x" * 3_000_000
    assert dynamodb.get_item(TableName=name, Key={"id": {"S": "1"}})["Item"]["said"]["S"] == "from inside"
    return json.loads(payload)


ALL_IS_FOUND = {"region": "eu-central-1", "size": 3_000_000, "same": True, "message": "from inside", "item": "from inside"}


@pytest.mark.thorough
@walled
def test_the_sdk_for_go_finds_them_too(server: Server) -> None:
    assert what_an_sdk_finds(server, "provided.al2023", "bootstrap", go_function()) == ALL_IS_FOUND


@pytest.mark.thorough
@walled
def test_the_sdk_for_java_finds_them_too(server: Server) -> None:
    assert what_an_sdk_finds(server, "java21", "app.UsesServices", java_function()) == ALL_IS_FOUND
