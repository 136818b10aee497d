"""REST APIs, by plain HTTP and boto3."""

import json
from typing import Any

import pytest
from tests.process.gateway.front import Front
from tests.process.gateway.rest import RestApi

RAISING = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("Not found: " + event["fail"])
    return event
"""


@pytest.fixture(scope="module")
def raising(front: Front) -> str:
    return front.deploy("raising", RAISING)


def test_the_event_of_a_proxy_integration_is_aws_s(front: Front) -> None:
    api = RestApi.create(front)
    api.add_proxy("ANY", "/items/{id}/{proxy+}", "echo")
    api.deploy("dev", variables={"color": "blue"})
    headers = [("Content-Type", "application/json"), ("x-twice", "1"), ("x-twice", "2"), ("User-Agent", "test")]
    answered = api.send("POST", "/dev/items/5/a/b?x=1&x=2", headers=headers, body=b'{"a":1}')
    event = answered.json()
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/items/{id}/{proxy+}", "/items/5/a/b", "POST")
    assert event["pathParameters"] == {"id": "5", "proxy": "a/b"}
    assert (event["headers"]["x-twice"], event["multiValueHeaders"]["x-twice"]) == ("2", ["1", "2"])
    assert (event["headers"]["Host"], event["headers"]["User-Agent"]) == (api.host, "test")
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == ({"x": "2"}, {"x": ["1", "2"]})
    assert event["stageVariables"] == {"color": "blue"}
    assert (event["body"], event["isBase64Encoded"]) == ('{"a":1}', False)
    context = event["requestContext"]
    assert (context["path"], context["stage"], context["resourcePath"]) == ("/dev/items/5/a/b", "dev", "/items/{id}/{proxy+}")
    assert (context["identity"]["sourceIp"], context["accountId"], context["apiId"]) == ("127.0.0.1", "000000000000", api.api_id)
    assert answered.header("x-amzn-requestid") == context["requestId"]
    assert answered.header("x-amz-apigw-id") == context["extendedRequestId"]
    assert (answered.header("x-amzn-trace-id") or "").startswith("Root=1-")


def test_a_deployment_is_a_snapshot(front: Front) -> None:
    api = RestApi.create(front)
    api.add_proxy("GET", "/one", "echo")
    api.deploy("dev")
    api.add_proxy("GET", "/two", "echo")
    assert api.send("GET", "/dev/one").status == 200
    missing = api.send("GET", "/dev/two")
    assert (missing.status, missing.json()) == (403, {"message": "Missing Authentication Token"})
    assert missing.header("x-amzn-errortype") == "MissingAuthenticationTokenException"
    api.deploy("dev")
    assert api.send("GET", "/dev/two").status == 200
    old, new = sorted(front.v1.get_deployments(restApiId=api.api_id)["items"], key=lambda each: each["createdDate"])[:2]
    current = front.v1.get_stage(restApiId=api.api_id, stageName="dev")["deploymentId"]
    other = old["id"] if old["id"] != current else new["id"]
    front.v1.update_stage(
        restApiId=api.api_id, stageName="dev", patchOperations=[{"op": "replace", "path": "/deploymentId", "value": other}]
    )
    assert api.send("GET", "/dev/two").status == 403


def test_unknown_stages_are_forbidden_and_paths_work_as_well_as_hosts(front: Front) -> None:
    api = RestApi.create(front)
    api.add_proxy("GET", "/x", "echo")
    api.deploy("dev")
    assert api.send("GET", "/prod/x").json() == {"message": "Forbidden"}
    assert api.send("POST", "/dev/x").json() == {"message": "Missing Authentication Token"}
    for path in (f"/restapis/{api.api_id}/dev/_user_request_/x", f"/_aws/execute-api/{api.api_id}/dev/x"):
        assert front.send("GET", path).json()["path"] == "/x"
    assert front.v1.get_rest_api(restApiId=api.api_id)["id"] == api.api_id  # whose path begins in the same way


@pytest.mark.parametrize(
    ("kind", "status", "headers", "body"),
    [
        ("text", 502, {}, b'{"message":"Internal server error"}'),
        ("malformed", 502, {}, b'{"message":"Internal server error"}'),
        ("fail", 502, {}, b'{"message":"Internal server error"}'),
        ("multi", 200, {"x-many": ["1", "2"], "set-cookie": ["a=1", "b=2"], "x-one": ["1"]}, b""),
        ("hello", 200, {"content-type": ["application/json"]}, b"hello"),
    ],
)
def test_answers_as_the_function_says(acting: RestApi, kind: str, status: int, headers: dict[str, list[str]], body: bytes) -> None:
    answered = acting.send("GET", f"/dev/x?kind={kind}")
    assert (answered.status, answered.body) == (status, body)
    assert headers.items() <= answered.headers.items()


@pytest.fixture(scope="module")
def acting(front: Front) -> RestApi:
    api = RestApi.create(front, binaryMediaTypes=["image/gif"])
    front.v1.update_rest_api(restApiId=api.api_id, patchOperations=[{"op": "add", "path": "/binaryMediaTypes/image~1png"}])
    api.add_proxy("ANY", "/x", "acting")
    api.add_proxy("ANY", "/echo", "echo")
    api.deploy("dev")
    return api


def test_binary_media_types_are_decoded_both_ways(acting: RestApi) -> None:
    assert acting.send("GET", "/dev/x?kind=binary", headers={"Accept": "image/png"}).body == bytes(range(256))
    assert acting.send("GET", "/dev/x?kind=binary", headers={"Accept": "text/html"}).body.startswith(b"AAECAwQF")
    event = acting.send("POST", "/dev/echo", headers={"Content-Type": "image/png"}, body=b"abc").json()
    assert (event["body"], event["isBase64Encoded"]) == ("YWJj", True)


def test_templates_make_requests_and_responses(front: Front, raising: str) -> None:
    api = RestApi.create(front)
    place = api.add_method("POST", "/pets/{id}", requestParameters={"method.request.header.x-in": False})
    request = """#set($body = $input.path('$'))
{
  "id": "$input.params('id')", "q": "$input.params().querystring.q",
  "names": [#foreach($pet in $body.pets)"$pet.name"#if($foreach.hasNext),#end#end],
  "first": $input.json('$.pets[0]'), "stage": "$context.stage", "ip": "$context.identity.sourceIp", "color": "$stageVariables.color",
  "escaped": "$util.escapeJavaScript($body.text).replaceAll("\\\\'", "'")",
  "encoded": "$util.base64Encode('a b')", "nothing": "$context.authorizer.principalId"#if($body.fail),
  "fail": "$body.fail"#end
}"""
    front.v1.put_integration(
        **place,
        type="AWS",
        integrationHttpMethod="POST",
        uri=api.uri("raising"),
        requestTemplates={"application/json": request},
        passthroughBehavior="NEVER",
    )
    front.v1.put_method_response(**place, statusCode="200", responseParameters={"method.response.header.x-out": False})
    front.v1.put_method_response(**place, statusCode="404")
    front.v1.put_integration_response(
        **place,
        statusCode="200",
        responseParameters={"method.response.header.x-out": "integration.response.body.first.name"},
        responseTemplates={"application/json": "{\"got\": $input.json('$')}"},
    )
    front.v1.put_integration_response(
        **place,
        statusCode="404",
        selectionPattern="Not found.*",
        responseTemplates={
            "application/json": '{"error": "$input.path(\'$.errorMessage\')"}#set($context.responseOverride.header.x-over = "1")'
        },
    )
    api.deploy("dev", variables={"color": "blue"})

    def sent(content: Any, content_type: str = "application/json") -> Any:
        return api.send("POST", "/dev/pets/7?q=z", headers={"Content-Type": content_type}, body=json.dumps(content).encode())

    answered = sent({"pets": [{"name": "a"}, {"name": "b"}], "text": 'it\'s "x"'})
    assert answered.json() == {
        "got": {
            "id": "7",
            "q": "z",
            "names": ["a", "b"],
            "first": {"name": "a"},
            "stage": "dev",
            "ip": "127.0.0.1",
            "color": "blue",
            "escaped": 'it\'s "x"',
            "encoded": "YSBi",
            "nothing": "",
        }
    }
    assert answered.header("x-out") == "a"
    failed = sent({"pets": [{"name": "a"}], "text": "", "fail": "dog"})
    assert (failed.status, failed.json(), failed.header("x-over")) == (404, {"error": "Not found: dog"}, "1")
    assert sent({}, "text/xml").json() == {"message": "Unsupported Media Type"}


def test_mock_integrations_answer_preflight_requests(front: Front) -> None:
    api = RestApi.create(front)
    place = api.add_method("OPTIONS", "/x")
    front.v1.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    names = ("Allow-Headers", "Allow-Methods", "Allow-Origin")
    front.v1.put_method_response(
        **place, statusCode="200", responseParameters={f"method.response.header.Access-Control-{name}": True for name in names}
    )
    values = {"Allow-Headers": "'Content-Type,X-Api-Key'", "Allow-Methods": "'GET,OPTIONS'", "Allow-Origin": "'*'"}
    front.v1.put_integration_response(
        **place,
        statusCode="200",
        responseParameters={f"method.response.header.Access-Control-{name}": value for name, value in values.items()},
        responseTemplates={"application/json": ""},
    )
    api.deploy("dev")
    answered = api.send("OPTIONS", "/dev/x", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"})
    assert answered.status == 200
    assert answered.header("access-control-allow-origin") == "*"
    assert answered.header("access-control-allow-methods") == "GET,OPTIONS"


def test_keys_and_usage_plans(front: Front) -> None:
    api = RestApi.create(front)
    api.add_proxy("GET", "/x", "echo", apiKeyRequired=True)
    api.deploy("dev")
    key = front.v1.create_api_key(name="k", enabled=True, value="0123456789abcdefghij")
    limited = front.v1.create_api_key(name="l", enabled=True, value="abcdefghij0123456789")
    stages = [{"apiId": api.api_id, "stage": "dev"}]
    plan = front.v1.create_usage_plan(name="p", apiStages=stages, quota={"limit": 2, "period": "DAY"})
    slow = front.v1.create_usage_plan(name="s", apiStages=stages, throttle={"rateLimit": 0.01, "burstLimit": 1})
    front.v1.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    front.v1.create_usage_plan_key(usagePlanId=slow["id"], keyId=limited["id"], keyType="API_KEY")

    def sent(value: str | None) -> Any:
        return api.send("GET", "/dev/x", headers={} if value is None else {"X-Api-Key": value})

    assert sent(None).json() == {"message": "Forbidden"}
    assert sent("wrong").status == 403
    identity = sent(key["value"]).json()["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == (key["value"], key["id"])
    assert sent(key["value"]).status == 200
    over = sent(key["value"])
    assert (over.status, over.json()) == (429, {"message": "Limit Exceeded"})
    assert [sent(limited["value"]).status for _ in range(2)] == [200, 429]


def test_requests_are_validated(front: Front) -> None:
    api = RestApi.create(front)
    front.v1.create_model(
        restApiId=api.api_id,
        name="Name",
        contentType="application/json",
        schema=json.dumps({"$schema": "http://json-schema.org/draft-04/schema#", "type": "string", "pattern": "^[a-z]+$"}),
    )
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"$ref": f"https://apigateway.amazonaws.com/restapis/{api.api_id}/models/Name"}, "age": {"type": "integer"}},
    }
    front.v1.create_model(restApiId=api.api_id, name="Pet", contentType="application/json", schema=json.dumps(schema))
    validator = front.v1.create_request_validator(
        restApiId=api.api_id, name="all", validateRequestBody=True, validateRequestParameters=True
    )["id"]
    api.add_proxy(
        "POST",
        "/x",
        "echo",
        requestValidatorId=validator,
        requestModels={"application/json": "Pet"},
        requestParameters={"method.request.querystring.q": True, "method.request.header.X-Need": True},
    )
    api.deploy("dev")

    def sent(path: str, content: str, **headers: str) -> Any:
        return api.send("POST", path, headers={"Content-Type": "application/json"} | headers, body=content.encode())

    missing = sent("/dev/x", '{"name":"rex"}')
    assert (missing.status, missing.json()["message"]) == (400, "Missing required request parameters: [q, X-Need]")
    need = {"X-Need": "1"}
    assert sent("/dev/x?q=1", '{"name":"rex","age":3}', **need).status == 200
    for wrong in ('{"name":"REX"}', '{"age":3}', '{"name":"rex","age":"3"}', "nonsense"):
        assert sent("/dev/x?q=1", wrong, **need).json() == {"message": "Invalid request body"}


def test_gateway_responses_are_as_configured(front: Front) -> None:
    api = RestApi.create(front)
    api.add_proxy("GET", "/x", "echo")
    front.v1.put_gateway_response(
        restApiId=api.api_id,
        responseType="MISSING_AUTHENTICATION_TOKEN",
        statusCode="404",
        responseParameters={"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"},
        responseTemplates={"application/json": '{"error":$context.error.messageString,"stage":"$context.stage"}'},
    )
    api.deploy("dev")
    answered = api.send("GET", "/dev/nope")
    assert (answered.status, answered.json()) == (404, {"error": "Missing Authentication Token", "stage": "dev"})
    assert answered.header("access-control-allow-origin") == "*"


def test_hostile_templates_are_stopped(front: Front) -> None:
    api = RestApi.create(front)
    for path, template in {
        "/loop": "#foreach($i in [1..9999])#foreach($j in [1..9999])x#end#end",
        "/grow": '#set($s = "x")#foreach($i in [1..100])#set($s = "$s$s")#end$s',
        "/python": '{"statusCode": 200}$input.__class__ $input.body.__class__',
    }.items():
        place = api.add_method("GET", path)
        front.v1.put_integration(**place, type="MOCK", requestTemplates={"application/json": template})
        front.v1.put_method_response(**place, statusCode="200")
        front.v1.put_integration_response(**place, statusCode="200", responseTemplates={"application/json": "ok"})
    api.deploy("dev")
    for path in ("/loop", "/grow"):
        assert api.send("GET", f"/dev{path}").json() == {"message": "Internal server error"}
    assert api.send("GET", "/dev/python").body == b"ok"  # there was nothing to be written


def test_resource_policies_are_obeyed(front: Front) -> None:
    def statement(effect: str, resource: str, **conditions: object) -> dict[str, object]:
        said = {"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource}
        return said | ({"Condition": conditions} if conditions else {})

    policy = {
        "Version": "2012-10-17",
        "Statement": [
            statement("Allow", "execute-api:/dev/GET/*", IpAddress={"aws:SourceIp": "127.0.0.0/8"}),
            statement("Deny", "execute-api:/dev/*/closed"),
        ],
    }
    api = RestApi.create(front, policy=json.dumps(policy))
    api.add_proxy("ANY", "/{proxy+}", "echo")
    api.deploy("dev")
    assert api.send("GET", "/dev/open").status == 200
    for method, path, ending in (("POST", "/dev/open", ""), ("GET", "/dev/closed", " with an explicit deny")):
        answered = api.send(method, path)
        arn = f"arn:aws:execute-api:us-east-1:********0000:{api.api_id}{path.replace('/dev/', f'/dev/{method}/')}"
        message = f"User: anonymous is not authorized to perform: execute-api:Invoke on resource: {arn}{ending}"
        assert (answered.status, answered.json()) == (403, {"Message": message})
