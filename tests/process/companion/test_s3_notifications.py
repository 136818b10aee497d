"""S3's event notifications, as clients cause them and as functions, queues, topics and EventBridge get them."""

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.server import Server
from tests.support.waiting import eventually

from .received import ACCOUNT, SHOWS, arn_of, events_of

EVERYTHING = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put", "s3:ObjectRestore:*"]
_ids = iter(range(1_000))


@pytest.fixture(scope="module")
def function(server: Server) -> str:
    name = server.deploy("of-s3", SHOWS)
    server.client("lambda").add_permission(
        FunctionName=name,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::noticed-*",
        SourceAccount=ACCOUNT,
    )
    return name


@pytest.fixture
def bucket(server: Server, function: str) -> str:
    """One whose every event goes to the function."""
    name = f"noticed-{next(_ids)}"
    server.client("s3").create_bucket(Bucket=name)
    notify(server, name, LambdaFunctionConfigurations=[to(function)])
    return name


def to(name: str, *, events: list[str] | None = None, **filters: str) -> dict[str, Any]:
    configuration: dict[str, Any] = {"Id": f"to-{name}", "LambdaFunctionArn": arn_of(name), "Events": events or EVERYTHING}
    if filters:
        configuration["Filter"] = {"Key": {"FilterRules": [{"Name": each, "Value": value} for each, value in filters.items()]}}
    return configuration


def notify(server: Server, bucket: str, **configuration: Any) -> None:
    server.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)


def records_of(server: Server, function: str, bucket: str, *, count: int) -> list[dict[str, Any]]:
    """Sorted by when they happened: each came as an event of its own, in any order. Of a request's own only the sequencer tells it."""
    found = events_of(server, function, count=count, wanted=lambda event: event["Records"][0]["s3"]["bucket"]["name"] == bucket)
    records = (event["Records"][0] for event in found)
    return sorted(records, key=lambda record: (record["eventTime"], record["s3"]["object"].get("sequencer", "")))


def refused(server: Server, bucket: str, **configuration: Any) -> str:
    with pytest.raises(ClientError) as caught:
        notify(server, bucket, **configuration)
    assert caught.value.response["Error"]["Code"] == "InvalidArgument"
    return str(caught.value.response["Error"]["Message"])


def test_an_event_says_what_s3s_say(server: Server, function: str, bucket: str) -> None:
    answer = server.client("s3").put_object(Bucket=bucket, Key="a dir/b+ü.txt", Body=b"12345")
    (record,) = records_of(server, function, bucket, count=1)
    time, sequencer = record.pop("eventTime"), record["s3"]["object"].pop("sequencer")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert re.fullmatch(r"[0-9A-F]{18}", sequencer)
    owner = record["s3"]["bucket"]["ownerIdentity"]["principalId"]
    assert re.fullmatch(r"A[A-Z0-9]{13}", owner)
    metadata = answer["ResponseMetadata"]
    assert record == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": f"AWS:{ACCOUNT}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": metadata["RequestId"], "x-amz-id-2": metadata["HostId"]},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": f"to-{function}",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": owner}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": "a+dir/b%2B%C3%BC.txt", "size": 5, "eTag": answer["ETag"].strip('"')},
        },
    }


def test_every_kind_of_event_that_clients_cause(server: Server, function: str, bucket: str) -> None:
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="put", Body=b"1", Tagging="a=b", StorageClass="GLACIER")
    form = s3.generate_presigned_post(Bucket=bucket, Key="posted")
    body = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in form["fields"].items()
    )
    body += b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\ncontent\r\n--b--\r\n'
    urllib.request.urlopen(
        urllib.request.Request(form["url"], data=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    ).close()
    s3.copy_object(Bucket=bucket, Key="copied", CopySource={"Bucket": bucket, "Key": "posted"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=parts)
    s3.put_object_tagging(Bucket=bucket, Key="put", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_object_tagging(Bucket=bucket, Key="put")
    s3.put_object_acl(Bucket=bucket, Key="put", ACL="public-read")
    s3.restore_object(Bucket=bucket, Key="put", RestoreRequest={"Days": 1})
    s3.delete_object(Bucket=bucket, Key="put")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "posted"}, {"Key": "copied"}]})
    records = records_of(server, function, bucket, count=11)
    assert [(record["eventName"], record["s3"]["object"]["key"], record["eventVersion"]) for record in records] == [
        ("ObjectCreated:Put", "put", "2.1"),
        ("ObjectCreated:Post", "posted", "2.1"),
        ("ObjectCreated:Copy", "copied", "2.1"),
        ("ObjectCreated:CompleteMultipartUpload", "parts", "2.1"),
        ("ObjectTagging:Put", "put", "2.3"),
        ("ObjectTagging:Delete", "put", "2.3"),
        ("ObjectAcl:Put", "put", "2.3"),
        ("ObjectRestore:Post", "put", "2.1"),
        ("ObjectRemoved:Delete", "put", "2.1"),
        ("ObjectRemoved:Delete", "posted", "2.1"),
        ("ObjectRemoved:Delete", "copied", "2.1"),
    ]
    assert records[1]["s3"]["object"]["size"] == len("content")
    assert "sequencer" not in records[4]["s3"]["object"]
    assert set(records[8]["s3"]["object"]) == {"key", "sequencer"}


def test_versions_are_told_apart(server: Server, function: str, bucket: str) -> None:
    s3 = server.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=first)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    records = records_of(server, function, bucket, count=5)
    assert [(record["eventName"], record["s3"]["object"].get("versionId")) for record in records] == [
        ("ObjectCreated:Put", first),
        ("ObjectCreated:Put", second),
        ("ObjectRemoved:DeleteMarkerCreated", marker),
        ("ObjectRemoved:Delete", first),
        ("ObjectRemoved:Delete", marker),
    ]
    sequencers = [record["s3"]["object"]["sequencer"] for record in records]
    assert sequencers == sorted(sequencers)


def test_prefix_and_suffix_choose_objects(server: Server, function: str, bucket: str) -> None:
    s3 = server.client("s3")
    notify(server, bucket, LambdaFunctionConfigurations=[to(function, events=["s3:ObjectCreated:*"], Prefix="in/", suffix=".txt")])
    shown = s3.get_bucket_notification_configuration(Bucket=bucket)["LambdaFunctionConfigurations"]
    assert shown[0]["Filter"] == {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".txt"}]}}
    for key in ("in/a.jpg", "out/a.txt", "in/a.txt", "in/b.txt"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    s3.delete_object(Bucket=bucket, Key="in/a.txt")
    records = records_of(server, function, bucket, count=2)
    assert [record["s3"]["object"]["key"] for record in records] == ["in/a.txt", "in/b.txt"]


def test_a_function_finds_the_object_as_it_was_put(server: Server, bucket: str) -> None:
    """With its metadata and tags, however fast the function is."""
    source = (
        "import boto3\ns3 = boto3.client('s3')\ndef handler(event, context):\n"
        "    at = event['Records'][0]['s3']\n    place = {'Bucket': at['bucket']['name'], 'Key': at['object']['key']}\n"
        "    if place['Key'] == 'result': return\n"
        "    found = s3.head_object(**place)['Metadata'] | {t['Key']: t['Value'] for t in s3.get_object_tagging(**place)['TagSet']}\n"
        "    s3.put_object(**{**place, 'Key': 'result'}, Body=str(found).encode())\n"
    )
    server.deploy("reads", source, MemorySize=512, Timeout=60)
    server.client("lambda").add_permission(
        FunctionName="reads", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    notify(server, bucket, LambdaFunctionConfigurations=[to("reads", events=["s3:ObjectCreated:Put"])])
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="source", Body=b"x", Metadata={"who": "me"}, Tagging="colour=red")

    def find() -> bytes | None:
        try:
            content: bytes = s3.get_object(Bucket=bucket, Key="result")["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return content

    assert eventually(find, what="the result") == b"{'who': 'me', 'colour': 'red'}"


def test_queues_topics_and_event_bridge_get_events(server: Server, function: str, bucket: str) -> None:
    sqs, sns, events = server.client("sqs"), server.client("sns"), server.client("events")
    queues = {name: sqs.create_queue(QueueName=f"{bucket}-{name}")["QueueUrl"] for name in ("direct", "through-topic")}
    topic = sns.create_topic(Name=bucket)["TopicArn"]
    queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{bucket}-"
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"{queue_arn}through-topic", Attributes=raw)
    events.put_rule(Name=bucket, EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}))
    events.put_targets(Rule=bucket, Targets=[{"Id": "f", "Arn": arn_of(server.deploy(f"bus-{bucket}", SHOWS))}])
    notify(
        server,
        bucket,
        QueueConfigurations=[{"QueueArn": f"{queue_arn}direct", "Events": ["s3:ObjectCreated:Put"]}],
        TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectRemoved:*"]}],
        EventBridgeConfiguration={},
    )
    s3 = server.client("s3")
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["EventBridgeConfiguration"] == {}
    s3.put_object(Bucket=bucket, Key="a b", Body=b"123")
    s3.delete_object(Bucket=bucket, Key="a b")

    def receive(name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def two() -> bool:
            found.extend(json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=queues[name]).get("Messages", ()))
            return len(found) >= 2

        eventually(two, what=f"messages in {name}")
        return found

    for name, expected in (("direct", "ObjectCreated:Put"), ("through-topic", "ObjectRemoved:Delete")):
        test, event = receive(name)
        assert (test["Event"], test["Bucket"], set(test)) == (
            "s3:TestEvent",
            bucket,
            {"Service", "Event", "Time", "Bucket", "RequestId", "HostId"},
        )
        assert event["Records"][0]["eventName"] == expected
    created, deleted = sorted(events_of(server, f"bus-{bucket}", count=2), key=lambda event: event["detail"]["object"]["sequencer"])
    assert (created["source"], created["detail-type"], created["resources"]) == ("aws.s3", "Object Created", [f"arn:aws:s3:::{bucket}"])
    detail = created["detail"]
    assert detail["object"].pop("sequencer")
    assert detail.pop("request-id")
    assert detail == {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {"key": "a b", "size": 3, "etag": "202cb962ac59075b964b07152d234b70"},
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }
    assert (deleted["detail-type"], deleted["detail"]["deletion-type"]) == ("Object Deleted", "Permanently Deleted")


def test_a_user_and_a_role_are_named(server: Server, function: str, bucket: str) -> None:
    iam = server.client("iam")
    user = iam.create_user(UserName=bucket)["User"]
    key = iam.create_access_key(UserName=bucket)["AccessKey"]["AccessKeyId"]
    arn = iam.create_role(RoleName="writer", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    session = server.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")
    server.client("s3", account=key).put_object(Bucket=bucket, Key="by-user", Body=b"")
    server.client("s3", account=session["Credentials"]["AccessKeyId"]).put_object(Bucket=bucket, Key="by-role", Body=b"")
    records = records_of(server, function, bucket, count=2)
    assert [record["userIdentity"]["principalId"] for record in records] == [
        f"AWS:{user['UserId']}",
        f"AWS:{session['AssumedRoleUser']['AssumedRoleId']}",
    ]


@pytest.fixture
def without_permission(server: Server) -> Iterator[str]:
    name = server.deploy(f"closed-{next(_ids)}", SHOWS)
    yield name
    server.client("lambda").delete_function(FunctionName=name)


def test_a_function_that_s3_may_not_invoke_is_refused(server: Server, bucket: str, without_permission: str) -> None:
    wanted = [to(without_permission)]
    assert refused(server, bucket, LambdaFunctionConfigurations=wanted) == "Unable to validate the following destination configurations"
    client = server.client("lambda")
    settings: dict[str, Any] = {
        "FunctionName": without_permission,
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
    }
    client.add_permission(StatementId="other", SourceArn="arn:aws:s3:::another", **settings)
    assert refused(server, bucket, LambdaFunctionConfigurations=wanted)
    server.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": wanted}, SkipDestinationValidation=True
    )
    client.add_permission(StatementId="this", SourceArn=f"arn:aws:s3:::{bucket}", **settings)
    notify(server, bucket, LambdaFunctionConfigurations=wanted)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"LambdaFunctionConfigurations": [to("nobody")]}, "Unable to validate the following destination configurations"),
        (
            {"QueueConfigurations": [{"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:nobody", "Events": EVERYTHING}]},
            "Unable to validate the following destination configurations",
        ),
        (
            {"TopicConfigurations": [{"TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:nobody", "Events": EVERYTHING}]},
            "Unable to validate the following destination configurations",
        ),
        ({"LambdaFunctionConfigurations": [to("of-s3", infix="x")]}, "filter rule name must be either prefix or suffix"),
        ({"LambdaFunctionConfigurations": [to("of-s3", Prefix="a", prefix="b")]}, "Cannot specify more than one prefix rule in a filter."),
        (
            {"LambdaFunctionConfigurations": [to("of-s3", prefix="a"), {**to("of-s3", prefix="ab"), "Id": "2"}]},
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the "
            "same event type.",
        ),
        (
            {"LambdaFunctionConfigurations": [{**to("of-s3"), "LambdaFunctionArn": arn_of("of-s3").replace("us-east-1", "eu-west-1")}]},
            "The notification destination service region is not valid for the bucket location constraint",
        ),
    ],
)
def test_a_wrong_configuration_changes_nothing(server: Server, bucket: str, configuration: dict[str, Any], message: str) -> None:
    before = server.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    assert refused(server, bucket, **configuration) == message
    after = server.client("s3").get_bucket_notification_configuration(Bucket=bucket)
    assert after["LambdaFunctionConfigurations"] == before["LambdaFunctionConfigurations"]


def test_a_loop_over_a_bucket_is_stopped(server: Server, bucket: str) -> None:
    """The lineage travels with the SDK's call to S3 and from there with the event."""
    source = (
        "import boto3, uuid\ns3 = boto3.client('s3')\ndef handler(event, context):\n"
        "    s3.put_object(Bucket=event['Records'][0]['s3']['bucket']['name'], Key=str(uuid.uuid4()), Body=b'')\n"
    )
    client = server.client("lambda")
    server.deploy("loops", source, MemorySize=512, Timeout=60)
    client.add_permission(FunctionName="loops", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
    notify(server, bucket, LambdaFunctionConfigurations=[to("loops", events=["s3:ObjectCreated:Put"])])
    server.client("s3").put_object(Bucket=bucket, Key="first", Body=b"")
    metrics = f"{server.endpoint_url}/_alonzo/metrics"

    def dropped() -> bool:
        with urllib.request.urlopen(metrics) as answer:
            lines = answer.read().decode().splitlines()
        return any("ecursive" in line and "loops" in line and not line.startswith("#") for line in lines)

    eventually(dropped, what="the end of the loop")
    assert server.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 17
