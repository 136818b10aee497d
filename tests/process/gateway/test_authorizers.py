"""Who may use the routes of HTTP APIs and the methods of REST APIs."""

import json
import time
from collections.abc import Iterator
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from joserfc import jwk, jwt
from tests.process.gateway.front import Front, HttpApi
from tests.process.gateway.rest import RestApi
from tests.support.http_server import LocalHttpHandler, LocalHttpServer

AUTHORIZER = """
import json, os

def handler(event, context):
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    token = event.get("authorizationToken") or headers.get("x-token", "")
    if token == "crash":
        raise ValueError("as asked")
    if token == "refuse":
        raise Exception("Unauthorized")
    count = int(os.environ.setdefault("COUNT", "0")) + 1
    os.environ["COUNT"] = str(count)
    context = {"user": token, "count": count, "type": event["type"]}
    if event.get("version") == "2.0":
        return {"isAuthorized": token.startswith("good"), "context": context}
    effect = "Allow" if token.startswith("good") else "Deny"
    resource = (event.get("methodArn") or event.get("routeArn")).rsplit("/", 1)[0] + "/*"
    policy = {"Version": "2012-10-17", "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}]}
    answer = {"principalId": "me", "policyDocument": policy, "context": context}
    if token == "good-key":
        answer["usageIdentifierKey"] = "k" * 20
    return answer
"""


@pytest.fixture(scope="module")
def authorizer(front: Front) -> str:
    return front.deploy("authorizer", AUTHORIZER)


class _Issuer(LocalHttpServer):
    """Issues tokens, and tells its key as OpenID Connect has it."""

    def __init__(self) -> None:
        super().__init__(_IssuerPages)
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})

    def token(self, **claims: Any) -> str:
        content = {"iss": self.url, "aud": "app", "sub": "me", "exp": int(time.time()) + 600} | claims
        return jwt.encode({"alg": "RS256", "kid": "k1"}, {name: value for name, value in content.items() if value is not None}, self.key)


class _IssuerPages(LocalHttpHandler):
    server: _Issuer

    def do_GET(self) -> None:
        page: dict[str, Any] = {"jwks_uri": f"{self.server.url}/keys"}
        if self.path == "/keys":
            page = {"keys": [self.server.key.as_dict(private=False)]}
        self.answer(json.dumps(page).encode())


@pytest.fixture(scope="module")
def issuer() -> Iterator[_Issuer]:
    with _Issuer() as running:
        yield running


@pytest.fixture(scope="module")
def jwt_api(front: Front, issuer: _Issuer) -> HttpApi:
    api = front.http_api({})
    authorizer_id = front.v2.create_authorizer(
        ApiId=api.api_id,
        AuthorizerType="JWT",
        Name="tokens",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer.url, "Audience": ["app", "other"]},
    )["AuthorizerId"]
    api.add_route("GET /x", front.arn("echo"), AuthorizationType="JWT", AuthorizerId=authorizer_id)
    api.add_route(
        "GET /scoped", front.arn("echo"), AuthorizationType="JWT", AuthorizerId=authorizer_id, AuthorizationScopes=["read", "all"]
    )
    return api


def test_claims_of_a_token_are_in_the_event(jwt_api: HttpApi, issuer: _Issuer) -> None:
    token = issuer.token(groups=["a", "b"], admin=True)
    told = jwt_api.send("GET", "/x", headers={"Authorization": f"Bearer {token}"}).json()["requestContext"]["authorizer"]["jwt"]
    assert told["scopes"] is None
    assert (told["claims"]["sub"], told["claims"]["groups"], told["claims"]["admin"]) == ("me", "[a b]", "true")


@pytest.mark.parametrize(
    "claims",
    [{"exp": 1_000}, {"aud": "stranger"}, {"iss": "https://evil.example"}, {"nbf": 99_999_999_999}, {"aud": None}, {"exp": None}],
)
def test_tokens_that_are_not_good_are_refused(jwt_api: HttpApi, issuer: _Issuer, claims: dict[str, Any]) -> None:
    answered = jwt_api.send("GET", "/x", headers={"Authorization": f"Bearer {issuer.token(**claims)}"})
    assert (answered.status, answered.json()) == (401, {"message": "Unauthorized"})
    assert 'error="invalid_token"' in (answered.header("www-authenticate") or "")


def test_forged_and_missing_tokens_are_refused(jwt_api: HttpApi, issuer: _Issuer) -> None:
    good = issuer.token()
    unsigned = "eyJhbGciOiJub25lIn0." + good.split(".")[1] + "."
    with _Issuer() as forged:
        for value in (None, "Bearer", "Bearer a.b.c", f"Bearer {forged.token(iss=issuer.url)}", f"Bearer {unsigned}", good[:-4] + "AAAA"):
            headers = {} if value is None else {"Authorization": value}
            assert jwt_api.send("GET", "/x", headers=headers).status == 401
    assert jwt_api.send("GET", "/x", headers={"Authorization": good}).status == 200


def test_scopes_are_needed(jwt_api: HttpApi, issuer: _Issuer) -> None:
    def sent(**claims: Any) -> Any:
        return jwt_api.send("GET", "/scoped", headers={"Authorization": f"Bearer {issuer.token(**claims)}"})

    assert sent(scope="write").json() == {"message": "Forbidden"}
    assert sent(scope="write read").json()["requestContext"]["authorizer"]["jwt"]["scopes"] == ["write", "read"]
    assert sent(scp=["all"], aud=None, client_id="other").status == 200


@pytest.mark.parametrize("version", ["2.0", "1.0"])
def test_functions_decide_and_are_remembered(front: Front, authorizer: str, version: str) -> None:
    api = front.http_api({})
    authorizer_id = front.v2.create_authorizer(
        ApiId=api.api_id,
        AuthorizerType="REQUEST",
        Name="function",
        AuthorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{authorizer}/invocations",
        AuthorizerPayloadFormatVersion=version,
        EnableSimpleResponses=version == "2.0",
        IdentitySource=["$request.header.X-Token"],
        AuthorizerResultTtlInSeconds=60,
    )["AuthorizerId"]
    api.add_route("GET /x", front.arn("echo"), AuthorizationType="CUSTOM", AuthorizerId=authorizer_id)

    def sent(token: str) -> Any:
        return api.send("GET", "/x", headers={"X-Token": token})

    assert api.send("GET", "/x").json() == {"message": "Unauthorized"}
    assert sent("bad").json() == {"message": "Forbidden"}
    assert sent("crash").json() == {"message": "Internal Server Error"}
    first = sent(f"good-{version}").json()["requestContext"]["authorizer"]["lambda"]
    assert first["user"] == f"good-{version}"
    assert sent(f"good-{version}").json()["requestContext"]["authorizer"]["lambda"] == first


def test_requests_are_signed_where_iam_authorizes(front: Front) -> None:
    api = front.http_api({})
    api.add_route("GET /x", front.arn("echo"), AuthorizationType="AWS_IAM")
    assert api.send("GET", "/x").json() == {"message": "Forbidden"}
    assert api.send("GET", "/x", headers=_signed(api.host, "/x", secret="wrong")).status == 403
    told = api.send("GET", "/x", headers=_signed(api.host, "/x")).json()["requestContext"]["authorizer"]["iam"]
    assert (told["accessKey"], told["accountId"]) == ("test", "000000000000")


@pytest.mark.parametrize("kind", ["TOKEN", "REQUEST"])
def test_authorizers_of_rest_apis_return_policies(front: Front, authorizer: str, kind: str) -> None:
    api = RestApi.create(front)
    name = "Authorization" if kind == "TOKEN" else "X-Token"
    authorizer_id = front.v1.create_authorizer(
        restApiId=api.api_id,
        name="a",
        type=kind,
        authorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{authorizer}/invocations",
        identitySource=f"method.request.header.{name}",
        authorizerResultTtlInSeconds=60,
    )["id"]
    api.add_proxy("GET", "/x", "echo", authorizationType="CUSTOM", authorizerId=authorizer_id)
    api.add_proxy("GET", "/x/y", "echo", authorizationType="CUSTOM", authorizerId=authorizer_id)
    api.deploy("dev")

    def sent(token: str) -> Any:
        return api.send("GET", "/dev/x", headers={name: token})

    assert api.send("GET", "/dev/x").json() == {"message": "Unauthorized"}
    denied = sent("bad")
    assert (denied.status, denied.json()) == (403, {"Message": "User is not authorized to access this resource with an explicit deny"})
    crashed = sent("crash")
    assert (crashed.status, crashed.json()) == (500, {"message": None})
    if kind == "TOKEN":
        assert sent("refuse").json() == {"message": "Unauthorized"}
    told = sent(f"good-{kind}").json()["requestContext"]["authorizer"]
    assert (told["principalId"], told["user"], told["type"]) == ("me", f"good-{kind}", kind)
    again = api.send("GET", "/dev/x/y", headers={name: f"good-{kind}"}).json()["requestContext"]["authorizer"]
    assert again["count"] == told["count"]  # the policy covers this one, too: nobody was asked


def test_cognito_s_tokens_open_rest_apis(front: Front) -> None:
    cognito = front.server.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p")["UserPool"]
    client = cognito.create_user_pool_client(UserPoolId=pool["Id"], ClientName="c", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"])
    client_id = client["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool["Id"], Username="u", MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool["Id"], Username="u", Password="Passw0rd!", Permanent=True)
    tokens = cognito.admin_initiate_auth(
        UserPoolId=pool["Id"], ClientId=client_id, AuthFlow="ADMIN_NO_SRP_AUTH", AuthParameters={"USERNAME": "u", "PASSWORD": "Passw0rd!"}
    )["AuthenticationResult"]
    api = RestApi.create(front)
    authorizer_id = front.v1.create_authorizer(
        restApiId=api.api_id,
        name="c",
        type="COGNITO_USER_POOLS",
        providerARNs=[pool["Arn"]],
        identitySource="method.request.header.Authorization",
    )["id"]
    api.add_proxy("GET", "/x", "echo", authorizationType="COGNITO_USER_POOLS", authorizerId=authorizer_id)
    api.deploy("dev")
    assert api.send("GET", "/dev/x", headers={"Authorization": "nonsense"}).json() == {"message": "Unauthorized"}
    told = api.send("GET", "/dev/x", headers={"Authorization": tokens["IdToken"]}).json()["requestContext"]["authorizer"]["claims"]
    assert told["cognito:username"] == "u"
    assert api.send("GET", "/dev/x", headers={"Authorization": tokens["AccessToken"]}).status == 401


def test_signatures_that_are_none_have_an_answer_of_their_own(front: Front) -> None:
    api = RestApi.create(front)
    api.add_proxy("GET", "/x", "echo", authorizationType="AWS_IAM")
    template = '{"type": "$context.error.responseType", "told": $context.error.messageString}'
    front.v1.put_gateway_response(
        restApiId=api.api_id, responseType="INVALID_SIGNATURE", statusCode="418", responseTemplates={"application/json": template}
    )
    api.deploy("dev")
    path = f"/_aws/execute-api/{api.api_id}/dev/x"
    told = front.send("GET", path, host="localhost", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test"})
    assert (told.status, told.header("x-amzn-errortype")) == (418, "IncompleteSignatureException")
    assert told.json() == {"type": "INVALID_SIGNATURE", "told": "The request signature is incomplete."}
    wrong = front.send("GET", path, host="localhost", headers=_signed("localhost", path, secret="another"))
    assert (wrong.status, wrong.header("x-amzn-errortype")) == (418, "InvalidSignatureException")
    assert front.send("GET", path).header("x-amzn-errortype") == "MissingAuthenticationTokenException"


def _signed(host: str, path: str, *, secret: str = "test") -> dict[str, str]:
    request = botocore.awsrequest.AWSRequest(method="GET", url=f"http://{host}{path}")
    botocore.auth.SigV4Auth(botocore.credentials.Credentials("test", secret), "execute-api", "us-east-1").add_auth(request)
    return dict(request.headers.items())
