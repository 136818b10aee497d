"""HTTP APIs, by plain HTTP and boto3."""

import base64
import http.client
import json
from typing import Any

import pytest
from tests.process.gateway.front import Front, HttpApi


@pytest.fixture(scope="module")
def api(front: Front) -> HttpApi:
    return front.http_api(
        {
            "GET /pets/dog/1": "echo",
            "GET /pets/dog/{id}": "echo",
            "GET /pets/{proxy+}": "echo",
            "ANY /{proxy+}": "echo",
            "$default": "echo",
            "GET /acting": "acting",
        },
        variables={"color": "blue"},
    )


@pytest.mark.parametrize(
    ("request_line", "route_key", "variables"),
    [
        # The table of https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
        ("GET /pets/dog/1", "GET /pets/dog/1", None),
        ("GET /pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
        ("GET /pets/cat/1", "GET /pets/{proxy+}", {"proxy": "cat/1"}),
        ("POST /test/5", "ANY /{proxy+}", {"proxy": "test/5"}),
        ("GET /", "$default", None),
        ("GET /pets/dog/a%20b%2Fc", "GET /pets/{proxy+}", {"proxy": "dog/a b/c"}),
    ],
)
def test_takes_the_route_that_matches_best(api: HttpApi, request_line: str, route_key: str, variables: dict[str, str] | None) -> None:
    method, path = request_line.split()
    event = api.send(method, path).json()
    assert event["routeKey"] == route_key
    assert event.get("pathParameters") == variables


def test_the_event_of_format_2_is_aws_s(api: HttpApi) -> None:
    headers = [("X-Twice", "1"), ("X-Twice", "2"), ("Cookie", "a=1; b=2"), ("User-Agent", "test")]
    event = api.send("GET", "/pets/dog/7?x=1&x=2&empty=&sp=a%20b", headers=headers).json()
    context = event.pop("requestContext")
    assert context.pop("requestId").endswith("=")
    assert context.pop("timeEpoch") > 1_700_000_000_000
    assert context.pop("time").endswith(" +0000")
    host = api.host.partition(":")[0]
    assert context == {
        "accountId": "000000000000",
        "apiId": api.api_id,
        "domainName": host,
        "domainPrefix": api.api_id,
        "http": {"method": "GET", "path": "/pets/dog/7", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
        "routeKey": "GET /pets/dog/{id}",
        "stage": "$default",
    }
    assert event["headers"].pop("x-amzn-trace-id").startswith("Root=1-")
    assert event == {
        "version": "2.0",
        "routeKey": "GET /pets/dog/{id}",
        "rawPath": "/pets/dog/7",
        "rawQueryString": "x=1&x=2&empty=&sp=a%20b",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "host": api.host,
            "user-agent": "test",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": api.host.partition(":")[2],
            "x-forwarded-proto": "http",
            "x-twice": "1,2",
        },
        "queryStringParameters": {"x": "1,2", "empty": "", "sp": "a b"},
        "pathParameters": {"id": "7"},
        "stageVariables": {"color": "blue"},
        "isBase64Encoded": False,
    }


def test_the_event_of_format_1_has_lists_beside_single_values(front: Front) -> None:
    api = front.http_api({"POST /items/{id}": "echo"}, payload="1.0", stage="dev")
    headers = [("Content-Type", "image/png"), ("X-Twice", "1"), ("X-Twice", "2")]
    event = api.send("POST", "/dev/items/5?x=1&x=2", headers=headers, body=b"\x89PNG\xff").json()
    assert event["version"] == "1.0"
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/items/{id}", "/dev/items/5", "POST")
    assert event["headers"]["x-twice"] == "2"
    assert event["multiValueHeaders"]["x-twice"] == ["1", "2"]
    assert event["headers"]["Host"] == api.host
    assert event["queryStringParameters"] == {"x": "2"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["pathParameters"] == {"id": "5"}
    assert event["stageVariables"] is None
    assert base64.b64decode(event["body"]) == b"\x89PNG\xff"
    assert event["isBase64Encoded"] is True
    context = event["requestContext"]
    assert (context["stage"], context["resourcePath"], context["resourceId"]) == ("dev", "/items/{id}", "POST /items/{id}")
    assert context["identity"]["sourceIp"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("kind", "status", "headers", "body"),
    [
        ("text", 200, {"content-type": ["application/json"]}, b"hello"),
        ("cookies", 201, {"set-cookie": ["a=1", "b=2; Secure"], "x-one": ["1"]}, b"{}"),
        ("binary", 200, {"content-type": ["image/png"]}, bytes(range(256))),
        ("fail", 500, {"content-type": ["application/json"]}, b'{"message":"Internal Server Error"}'),
        ("malformed", 500, {"content-type": ["application/json"]}, b'{"message":"Internal Server Error"}'),
    ],
)
def test_answers_as_the_function_says(api: HttpApi, kind: str, status: int, headers: dict[str, list[str]], body: bytes) -> None:
    answered = api.send("GET", f"/acting?kind={kind}")
    assert (answered.status, answered.body) == (status, body)
    assert headers.items() <= answered.headers.items()
    assert answered.header("apigw-requestid")


def test_stages_are_found_by_the_first_element_of_the_path(front: Front) -> None:
    api = front.http_api({"GET /x": "echo"}, stage="one", variables={"n": "1"})
    assert api.send("GET", "/x").json() == {"message": "Not Found"}  # there is no $default stage
    event = api.send("GET", "/one/x").json()
    assert (event["rawPath"], event["requestContext"]["stage"], event["stageVariables"]) == ("/one/x", "one", {"n": "1"})
    front.v2.update_stage(ApiId=api.api_id, StageName="one", StageVariables={"n": "2"})
    assert api.send("GET", "/one/x").json()["stageVariables"] == {"n": "2"}


def test_stage_variables_name_the_function(front: Front) -> None:
    api = front.http_api({}, variables={"function": "echo"})
    api.add_route("GET /x", "arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.function}")
    assert api.send("GET", "/x").json()["routeKey"] == "GET /x"


def test_is_reached_by_path_and_by_other_host_names(api: HttpApi, front: Front) -> None:
    for host, path in (
        (None, f"/_aws/execute-api/{api.api_id}/pets/dog/1"),
        (f"{api.api_id}.execute-api.localhost.localstack.cloud:4566", "/pets/dog/1"),
        (f"{api.api_id}.execute-api.us-east-1.amazonaws.com", "/pets/dog/1"),
    ):
        assert front.send("GET", path, host=host).json()["routeKey"] == "GET /pets/dog/1"
    assert front.send("GET", "/x", host="nosuchapi1.execute-api.us-east-1.localhost").status == 404
    assert front.send("GET", "/x", host=f"{api.api_id}.execute-api.eu-west-1.localhost").status == 404


def test_changes_are_live_at_once(front: Front) -> None:
    api = front.http_api({})
    assert api.send("GET", "/new").json() == {"message": "Not Found"}
    route_id = api.add_route("GET /new", front.arn("echo"))
    assert api.send("GET", "/new").status == 200
    front.v2.delete_route(ApiId=api.api_id, RouteId=route_id)
    assert api.send("GET", "/new").status == 404


def test_functions_must_permit_it(front: Front) -> None:
    front.server.deploy("private", "def handler(event, context): return 'secret'")
    api = front.http_api({"GET /x": "private", "GET /y": "private"})
    assert api.send("GET", "/x").json() == {"message": "Internal Server Error"}
    front.server.client("lambda").add_permission(
        FunctionName="private",
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api.api_id}/*/*/x",
    )
    assert api.send("GET", "/x").body == b"secret"
    assert api.send("GET", "/y").status == 500


def test_the_gateway_answers_preflight_requests(front: Front) -> None:
    cors = {
        "AllowOrigins": ["https://a.example", "https://*.b.example"],
        "AllowMethods": ["GET", "POST"],
        "AllowHeaders": ["X-A"],
        "ExposeHeaders": ["X-B"],
        "MaxAge": 300,
        "AllowCredentials": True,
    }
    api = front.http_api({"GET /x": "echo"}, CorsConfiguration=cors)
    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    preflight = api.send("OPTIONS", "/anything", headers=ask)
    assert preflight.status == 204
    assert {name: preflight.header(name) for name in preflight.headers if name.startswith("access-control-")} == {
        "access-control-allow-origin": "https://a.example",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "x-a",
        "access-control-max-age": "300",
        "access-control-allow-credentials": "true",
    }
    answered = api.send("GET", "/x", headers={"Origin": "https://c.b.example"})
    assert answered.header("access-control-allow-origin") == "https://c.b.example"
    assert answered.header("access-control-expose-headers") == "x-b"
    stranger = api.send("OPTIONS", "/x", headers=ask | {"Origin": "https://evil.example"})
    assert stranger.header("access-control-allow-origin") is None


def test_throttles_as_the_stage_says(front: Front) -> None:
    api = front.http_api({"GET /x": "echo"})
    front.v2.update_stage(
        ApiId=api.api_id, StageName="$default", DefaultRouteSettings={"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.01}
    )
    answered = [api.send("GET", "/x") for _ in range(3)]
    assert [each.status for each in answered] == [200, 200, 429]
    assert answered[2].json() == {"message": "Too Many Requests"}


def test_does_not_wait_longer_than_the_integration_says(front: Front) -> None:
    api = front.http_api({})
    integration = front.v2.create_integration(
        ApiId=api.api_id, IntegrationType="AWS_PROXY", IntegrationUri=front.arn("acting"), PayloadFormatVersion="2.0", TimeoutInMillis=100
    )
    front.v2.create_route(ApiId=api.api_id, RouteKey="GET /x", Target=f"integrations/{integration['IntegrationId']}")
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=60)
    answered = [ask_on(connection, api, path) for path in ("/x?kind=slow", "/none")]
    connection.close()
    late = (503, {"message": "Service Unavailable"})
    assert [(status, json.loads(body)) for status, body in answered] == [late, (404, {"message": "Not Found"})]


def ask_on(connection: http.client.HTTPConnection, api: HttpApi, path: str) -> tuple[int, bytes]:
    connection.request("GET", path, headers={"Host": api.host, "Origin": "https://example.test"})
    response = connection.getresponse()
    return response.status, response.read()


def test_passes_requests_on_to_http_endpoints(front: Front, api: HttpApi) -> None:
    made = front.http_api({})
    integration = front.v2.create_integration(
        ApiId=made.api_id,
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="ANY",
        IntegrationUri=f"{front.server.endpoint_url}/_aws/execute-api/{api.api_id}/test/{{id}}",
        PayloadFormatVersion="1.0",
        RequestParameters={"append:header.x-added": "$request.querystring.q", "overwrite:querystring.w": "static"},
    )
    front.v2.create_route(ApiId=made.api_id, RouteKey="POST /to/{id}", Target=f"integrations/{integration['IntegrationId']}")
    event = made.send("POST", "/to/9?q=1", headers={"Content-Type": "text/plain"}, body=b"hi").json()
    assert (event["rawPath"], event["body"], event["headers"]["x-added"]) == ("/test/9", "hi", "1")
    assert event["queryStringParameters"] == {"q": "1", "w": "static"}


def test_sends_messages_to_a_queue_without_a_function(front: Front) -> None:
    queue = front.server.client("sqs").create_queue(QueueName="from-api")["QueueUrl"]
    api = front.http_api({})
    integration = front.v2.create_integration(
        ApiId=api.api_id,
        IntegrationType="AWS_PROXY",
        IntegrationSubtype="SQS-SendMessage",
        PayloadFormatVersion="1.0",
        CredentialsArn="arn:aws:iam::000000000000:role/any",
        RequestParameters={"QueueUrl": queue, "MessageBody": "$request.body.text"},
    )
    front.v2.create_route(ApiId=api.api_id, RouteKey="POST /x", Target=f"integrations/{integration['IntegrationId']}")
    answered = api.send("POST", "/x", headers={"Content-Type": "application/json"}, body=json.dumps({"text": "hello"}).encode())
    assert answered.status == 200
    messages = front.server.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=2)["Messages"]
    assert [message["Body"] for message in messages] == ["hello"]


def test_bodies_are_text_where_their_type_is(api: HttpApi) -> None:
    def told(content_type: str, body: bytes, **headers: str) -> tuple[Any, bool]:
        event = api.send("POST", "/test/1", headers={"Content-Type": content_type, **headers}, body=body).json()
        return event["body"], event["isBase64Encoded"]

    assert told("application/json", b"{}") == ("{}", False)
    assert told("text/plain; charset=utf-8", "ü".encode()) == ("ü", False)
    assert told("application/vnd.api+json", b"{}") == ("{}", False)
    assert told("image/png", b"abc") == ("YWJj", True)
    assert told("text/plain", b"\xff") == ("/w==", True)
