"""Events from outside: what object stores and senders of CloudEvents post, for functions and for buses."""

import base64
import json
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.invoking import wait_for_log
from tests.support.server import Server
from tests.support.waiting import eventually

LOGS = "import json\ndef handler(event, context):\n    print('GOT', json.dumps(event))\n"
RECORD = {
    "eventVersion": "2.0",
    "eventSource": "minio:s3",
    "awsRegion": "",
    "eventTime": "2026-11-21T18:00:00.000Z",
    "eventName": "s3:ObjectCreated:Put",
    "userIdentity": {"principalId": "minio"},
    "s3": {
        "s3SchemaVersion": "1.0",
        "configurationId": "Config",
        "bucket": {"name": "photos", "ownerIdentity": {"principalId": "minio"}, "arn": "arn:aws:s3:::photos"},
        "object": {"key": "a%20b.jpg", "size": 5, "eTag": "e", "sequencer": "1"},
    },
    "source": {"host": "127.0.0.1", "port": "", "userAgent": "mc"},
}
OF_MINIO = {"EventName": "s3:ObjectCreated:Put", "Key": "photos/a b.jpg", "Records": [RECORD]}
OF_CEPH = {
    "Records": [
        RECORD
        | {"eventSource": "ceph:s3", "eventName": "ObjectCreated:Put", "awsRegion": "zone", "eventId": "1.2", "opaqueData": "o"}
        | {"s3": RECORD["s3"] | {"object": {"key": "c", "size": "1024", "metadata": []}}}  # type: ignore[operator]
    ]
}
CLOUD_EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.shop.order", "data": {"total": 7}}


def post(server: Server, path: str, body: Any, headers: dict[str, str] | None = None, *, method: str = "POST") -> tuple[int, Any]:
    """Status and answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": "application/json"} | (headers or {})
    request = urllib.request.Request(f"{server.endpoint_url}/_alonzo/events/{path}", data=content, headers=given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def events_of(server: Server, name: str, count: int = 1) -> list[Any]:
    lines = [line for line in wait_for_log(server, name, "GOT", count=count) if "GOT" in line]
    return [json.loads(line.partition("GOT ")[2]) for line in lines]


def deploy(server: Server) -> str:
    return server.deploy(f"f{uuid.uuid4().hex[:8]}", LOGS)


@pytest.fixture(scope="module")
def refusing(triggers_server: Server) -> str:
    """A function that gets nothing."""
    return deploy(triggers_server)


@pytest.mark.parametrize(("sent", "region", "key", "size"), [(OF_MINIO, "us-east-1", "a%20b.jpg", 5), (OF_CEPH, "zone", "c", 1_024)])
def test_a_function_gets_what_an_object_store_says_as_s3_says_it(server: Server, sent: Any, region: str, key: str, size: int) -> None:
    name = deploy(server)
    status, answer = post(server, f"functions/{name}", sent)
    assert (status, len(answer["requestIds"])) == (202, 1)
    (event,) = events_of(server, name)
    (record,) = event["Records"]
    assert event.keys() == {"Records"}
    assert (record["eventSource"], record["eventName"], record["awsRegion"]) == ("aws:s3", "ObjectCreated:Put", region)
    assert (record["s3"]["object"]["key"], record["s3"]["object"]["size"]) == (key, size)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"content-type": "application/cloudevents+json; charset=utf-8"}, CLOUD_EVENT, CLOUD_EVENT),
        ({}, CLOUD_EVENT, CLOUD_EVENT),
        (
            {"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/shop", "ce-type": "t", "ce-subject": "a%20%E2%82%AC", "ce-mine": "x"},
            {"total": 7},
            {
                "specversion": "1.0",
                "id": "2",
                "source": "/shop",
                "type": "t",
                "subject": "a €",
                "mine": "x",
                "datacontenttype": "application/json",
                "data": {"total": 7},
            },
        ),
        (
            {"ce-specversion": "1.0", "ce-id": "3", "ce-source": "/s", "ce-type": "t", "content-type": "image/png"},
            b"\x89PNG",
            {
                "specversion": "1.0",
                "id": "3",
                "source": "/s",
                "type": "t",
                "datacontenttype": "image/png",
                "data_base64": base64.b64encode(b"\x89PNG").decode(),
            },
        ),
    ],
)
def test_a_function_gets_cloud_events_in_their_structured_form(server: Server, headers: dict[str, str], body: Any, expected: Any) -> None:
    name = deploy(server)
    assert post(server, f"functions/arn:aws:lambda:us-east-1:000000000000:function:{name}", body, headers)[0] == 202
    assert events_of(server, name) == [expected]


def test_a_batch_of_cloud_events_is_as_many_invocations_and_one_sent_again_is_none(server: Server) -> None:
    name = deploy(server)
    batch = [CLOUD_EVENT | {"id": str(number)} for number in range(3)]
    headers = {"content-type": "application/cloudevents-batch+json"}
    status, first = post(server, f"functions/{name}", batch, headers)
    assert (status, len(set(first["requestIds"]))) == (202, 3)
    assert post(server, f"functions/{name}", batch, headers)[1] == first
    assert post(server, f"functions/{name}", [CLOUD_EVENT | {"id": "last"}], headers)[0] == 202
    assert sorted(event["id"] for event in events_of(server, name, 4)) == ["0", "1", "2", "last"]


def test_events_are_put_on_a_bus(server: Server) -> None:
    events, sqs = server.client("events"), server.client("sqs")
    url = sqs.create_queue(QueueName="ingested")["QueueUrl"]
    events.put_rule(Name="ingested", EventPattern=json.dumps({"source": ["minio:s3", "/shop"]}))
    events.put_targets(Rule="ingested", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:ingested"}])
    assert post(server, "buses/default", OF_MINIO)[0] == 202
    status, answer = post(server, "buses/default", CLOUD_EVENT)
    assert (status, len(answer["eventIds"])) == (202, 1)
    bodies: list[Any] = []

    def have_both() -> bool:
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", ())
        bodies.extend(json.loads(message["Body"]) for message in found)
        return len(bodies) == 2

    eventually(have_both, what="both events")
    of_shop, of_minio = sorted(bodies, key=lambda body: str(body["source"]))
    assert (of_minio["detail-type"], of_minio["detail"]["s3"]["bucket"]["name"]) == ("ObjectCreated:Put", "photos")
    assert (of_shop["detail-type"], of_shop["detail"]["data"]) == ("com.shop.order", {"total": 7})


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("functions/nobody", CLOUD_EVENT, {}, 404),
        ("functions/a b!", CLOUD_EVENT, {}, 400),
        ("functions/NAME", {"hello": "world"}, {}, 400),
        ("functions/NAME", {"Records": []}, {}, 400),
        ("functions/NAME", {"Records": [{"s3": {}}]}, {}, 400),
        ("functions/NAME", b"{", {}, 400),
        ("functions/NAME", b"[" * 100_000, {}, 400),
        ("functions/NAME", CLOUD_EVENT | {"specversion": "2.0"}, {}, 400),
        ("functions/NAME", CLOUD_EVENT | {"id": 7}, {}, 400),
        ("functions/NAME", CLOUD_EVENT, {"content-type": "application/cloudevents-batch+json"}, 400),
        ("functions/NAME", [7], {"content-type": "application/cloudevents-batch+json"}, 400),
        ("functions/NAME", {}, {"ce-specversion": "1.0", "ce-id": "1"}, 400),
        ("functions/NAME", CLOUD_EVENT, {"content-type": "text/plain"}, 415),
        ("functions/NAME", CLOUD_EVENT | {"data": "x" * 1_100_000}, {}, 413),
        ("functions/NAME", b" " * 9_000_000, {}, 413),
        ("functions/NAME/more", CLOUD_EVENT, {}, 404),
        ("buses/nobody", CLOUD_EVENT, {}, 400),
        ("buses/default", CLOUD_EVENT | {"source": "aws.s3"}, {}, 400),
    ],
)
def test_what_cannot_be_is_refused(  # noqa: PLR0917
    server: Server, refusing: str, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    answered, answer = post(server, path.replace("NAME", refusing).replace(" ", "%20"), body, headers)
    assert (answered, bool(answer["message"])) == (status, True)


def test_cloud_events_handshake_is_answered(server: Server) -> None:
    request = urllib.request.Request(f"{server.endpoint_url}/_alonzo/events/functions/x", method="OPTIONS")
    request.add_header("WebHook-Request-Origin", "eventemitter.example.com")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert (answer.status, answer.headers["WebHook-Allowed-Origin"]) == (200, "eventemitter.example.com")
    assert post(server, "functions/x", b"", method="PUT")[0] == 405


def test_a_token_keeps_others_out(start_server: StartServer) -> None:
    server = start_server("--events-token", "secret", "--companion", "off")
    name = deploy(server)
    basic = base64.b64encode(b"any:secret").decode()
    given = ["", "Bearer secret", "Bearer other", "Basic x", f"Basic {basic}", "secret"]
    statuses = [post(server, f"functions/{name}", CLOUD_EVENT, {"authorization": value} if value else {})[0] for value in given]
    assert statuses == [401, 202, 401, 401, 202, 401]
    assert post(server, "buses/default", CLOUD_EVENT, {"authorization": "Bearer secret"})[0] == 503
