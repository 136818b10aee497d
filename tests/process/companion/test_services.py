"""Other AWS services at the front door, through unmodified boto3: whose they are, and that requests and answers come through whole."""

import io
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import Server
from tests.support.waiting import eventually

ACCOUNTS = [("test", "000000000000"), ("AKIAIOSFODNN7EXAMPLE", "000000000000"), ("123456789012", "123456789012")]


def fetch(server: Server, path: str, headers: Mapping[str, str] | None = None, *, data: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(f"{server.endpoint_url}{path}", headers=dict(headers or {}), data=data)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.fixture(scope="module")
def bucket(server: Server) -> str:
    server.client("s3").create_bucket(Bucket="bucket")
    return "bucket"


@pytest.mark.parametrize(("access_key", "account"), ACCOUNTS)
def test_an_account_is_the_same_everywhere(server: Server, access_key: str, account: str) -> None:
    def client(service: str) -> Any:
        return server.client(service, account=access_key, region="eu-west-1")

    assert client("sts").get_caller_identity()["Account"] == account
    queue = client("sqs").create_queue(QueueName=f"q-{access_key}")["QueueUrl"]
    assert queue == f"{server.endpoint_url}/{account}/q-{access_key}"
    table = client("dynamodb").create_table(
        TableName=access_key,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert table["TableDescription"]["TableArn"] == f"arn:aws:dynamodb:eu-west-1:{account}:table/{access_key}"
    layer = client("lambda").list_layers()
    assert layer["Layers"] == []
    assert client("sns").create_topic(Name="t")["TopicArn"] == f"arn:aws:sns:eu-west-1:{account}:t"


def test_a_role_that_is_assumed_is_in_its_own_account(server: Server) -> None:
    arn = "arn:aws:iam::210987654321:role/reader"
    credentials = server.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    key = credentials["AccessKeyId"]
    identity = server.client("sts", account=key).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("210987654321", "arn:aws:sts::210987654321:assumed-role/reader/session")
    settings = server.client("lambda", account=key).publish_layer_version
    with pytest.raises(ClientError, match="Could not unzip"):
        settings(LayerName="l", Content={"ZipFile": b"no"})
    assert server.client("sqs", account=key).create_queue(QueueName="q")["QueueUrl"].endswith("/210987654321/q")


def test_calls_are_in_the_audit_trail(server: Server) -> None:
    account = "131313131313"
    queues = server.client("sqs", account=account)
    url = queues.create_queue(QueueName="audited-secret")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="m")
    server.client("s3", account=account).create_bucket(Bucket="audited")
    server.client("s3", account=account).put_object(Bucket="audited", Key="k", Body=b"")
    with pytest.raises(ClientError):
        server.client("sns", account=account).get_topic_attributes(TopicArn=f"arn:aws:sns:us-east-1:{account}:none")
    client = server.client("cloudtrail", account=account)

    def records() -> list[dict[str, Any]] | None:
        events = client.lookup_events()["Events"]
        found = [json.loads(event["CloudTrailEvent"]) for event in events if event["EventName"] != "LookupEvents"]
        return found if len(found) > 2 else None

    found = eventually(records, what="the records")
    seen = {(each["eventSource"], each["eventName"], each.get("errorCode")) for each in found}
    assert seen == {
        ("sqs.amazonaws.com", "CreateQueue", None),
        ("s3.amazonaws.com", "CreateBucket", None),
        ("sns.amazonaws.com", "GetTopicAttributes", "NotFound"),
    }
    assert {each["userIdentity"]["accessKeyId"] for each in found} == {account}
    assert "secret" not in json.dumps(found)


def test_accounts_do_not_see_each_other(server: Server) -> None:
    server.client("sqs", account="111111111111").create_queue(QueueName="mine")
    assert "QueueUrls" not in server.client("sqs", account="222222222222").list_queues()


@pytest.mark.parametrize("key", ["plain", "a b/ü+%2F//x", "percent%20twice", "dots/../up", "?query&", "x-moto-account-id"])
def test_an_object_keeps_its_key_and_its_metadata(server: Server, bucket: str, key: str) -> None:
    metadata = {"under_score": "1", "dash-ed": "2"}
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=b"content", Metadata=metadata)
    found = s3.get_object(Bucket=bucket, Key=key)
    assert (found["Body"].read(), found["Metadata"]) == (b"content", metadata)
    assert key in [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    s3.delete_object(Bucket=bucket, Key=key)


def test_large_bodies_pass_both_ways(server: Server, bucket: str) -> None:
    content = bytes(range(256)) * 80_000
    s3 = server.client("s3")
    s3.upload_fileobj(io.BytesIO(content), bucket, "large")
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == content
    part = s3.get_object(Bucket=bucket, Key="large", Range="bytes=1000-1009")
    assert (part["ResponseMetadata"]["HTTPStatusCode"], part["Body"].read()) == (206, content[1000:1010])
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == len(content)


@pytest.mark.parametrize("signature", ["s3", "s3v4"])
def test_presigned_links_lead_to_objects(server: Server, bucket: str, signature: str) -> None:
    s3 = server.client("s3", signature_version=signature)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": f"link {signature}"})
    request = urllib.request.Request(put, data=b"through a link", method="PUT", headers={"Content-Type": ""})
    with urllib.request.urlopen(request) as response:
        assert response.status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": f"link {signature}"})
    with urllib.request.urlopen(get) as response:
        assert response.read() == b"through a link"


def test_presigned_requests_of_other_services_are_understood(server: Server) -> None:
    """Kubernetes' tokens for AWS are such requests."""
    url = server.client("sts", account="123456789012").generate_presigned_url("get_caller_identity")
    with urllib.request.urlopen(url) as response:
        assert b"<Account>123456789012</Account>" in response.read()


@pytest.mark.parametrize(
    "host",
    ["public.s3.localhost:4566", "public.s3.eu-west-1.localhost.localstack.cloud", "public.s3.amazonaws.com", "public.s3-website.test"],
)
def test_buckets_are_found_by_host(server: Server, host: str) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="public", ACL="public-read")
    s3.put_object(Bucket="public", Key="health", Body=b"an object", ACL="public-read")
    assert fetch(server, "/public/health") == (200, b"an object")
    status, body = fetch(server, "/health", {"Host": host})
    assert (status, body) == (200, b"an object")


def test_objects_that_are_not_public_want_a_signature(server: Server, bucket: str) -> None:
    server.client("s3").put_object(Bucket=bucket, Key="private", Body=b"secret")
    assert fetch(server, f"/{bucket}/private")[0] == 403


def test_errors_are_the_services_own(server: Server) -> None:
    for call, code in (
        (lambda: server.client("s3").get_object(Bucket="nobodys", Key="k"), "NoSuchBucket"),
        (lambda: server.client("sqs").get_queue_url(QueueName="nobodys"), "AWS.SimpleQueueService.NonExistentQueue"),
        (lambda: server.client("dynamodb").describe_table(TableName="nobodys"), "ResourceNotFoundException"),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == code


def test_a_client_cannot_choose_an_account_by_header(server: Server) -> None:
    sqs = server.client("sqs")
    sqs.meta.events.register("before-send.sqs", lambda request, **_: request.headers.update({"x-moto-account-id": "999999999999"}))
    assert "/000000000000/" in sqs.create_queue(QueueName="whose")["QueueUrl"]


@pytest.mark.parametrize("path", ["/moto-api/reset", "/moto-api/", "/latest/meta-data/iam/security-credentials/"])
def test_motos_own_pages_are_not_there(server: Server, path: str) -> None:
    assert fetch(server, path, data=b"" if path.endswith("reset") else None)[0] == 404


def test_what_says_no_service_is_refused_as_ever(server: Server) -> None:
    assert fetch(server, "/")[0] == 404
    assert fetch(server, "/favicon_ico")[0] == 404


def test_no_web_page_may_read_what_is_here(server: Server) -> None:
    request = urllib.request.Request(f"{server.endpoint_url}/some-bucket/key", headers={"Origin": "http://elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.headers["Access-Control-Allow-Origin"] is None
