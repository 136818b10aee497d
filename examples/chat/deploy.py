"""Deploys the chat with boto3 and prints where its APIs are, as the page's query."""

import io
import json
import sys
import urllib.parse
import zipfile
from pathlib import Path

import boto3

NAME = "chat"
HERE = Path(__file__).parent


def main():
    session = boto3.Session()
    account, region = session.client("sts").get_caller_identity()["Account"], session.region_name
    role = create_role(session)
    create_table(session)
    function = create_function(session, role)
    socket = create_socket_api(session, account, region, function)
    http = create_http_api(session, account, region, function)
    json.dump({"socket": socket, "api": http, "query": urllib.parse.urlencode({"socket": socket, "api": http})}, sys.stdout)
    print()


def create_role(session):
    trusted = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = session.client("iam")
    role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusted]}))
    allowed = {"Effect": "Allow", "Action": ["dynamodb:*", "execute-api:ManageConnections", "logs:*"], "Resource": "*"}
    iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    return role["Role"]["Arn"]


def create_table(session):
    dynamodb = session.client("dynamodb")
    dynamodb.create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "kind", "AttributeType": "S"}, {"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=NAME)


def create_function(session, role):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.write(HERE / "app.py", "app.py")
    functions = session.client("lambda")
    function = functions.create_function(
        FunctionName=NAME,
        Runtime="python3.12",
        Handler="app.handler",
        Role=role,
        Timeout=20,
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"TABLE": NAME}},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=NAME, WaiterConfig={"Delay": 1})
    return function["FunctionArn"]


def create_socket_api(session, account, region, function):
    client = session.client("apigatewayv2")
    api = client.create_api(Name=f"{NAME}-socket", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    uri = f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations"
    integration = client.create_integration(ApiId=api["ApiId"], IntegrationType="AWS_PROXY", IntegrationMethod="POST", IntegrationUri=uri)
    for route in ("$connect", "$disconnect", "say"):
        client.create_route(ApiId=api["ApiId"], RouteKey=route, Target=f"integrations/{integration['IntegrationId']}")
    client.create_stage(ApiId=api["ApiId"], StageName="live", AutoDeploy=True)
    permit(session, account, region, api["ApiId"])
    return f"{api['ApiEndpoint']}/live"


def create_http_api(session, account, region, function):
    client = session.client("apigatewayv2")
    cors = {"AllowOrigins": ["*"], "AllowMethods": ["GET"], "AllowHeaders": ["x-chat"]}
    api = client.create_api(Name=f"{NAME}-http", ProtocolType="HTTP", CorsConfiguration=cors)
    integration = client.create_integration(
        ApiId=api["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )
    client.create_route(ApiId=api["ApiId"], RouteKey="GET /history", Target=f"integrations/{integration['IntegrationId']}")
    client.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    permit(session, account, region, api["ApiId"])
    return api["ApiEndpoint"]


def permit(session, account, region, api_id):
    session.client("lambda").add_permission(
        FunctionName=NAME,
        StatementId=api_id,
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{region}:{account}:{api_id}/*",
    )


if __name__ == "__main__":
    main()
