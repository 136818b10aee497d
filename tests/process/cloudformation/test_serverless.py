"""The serverless transform, without a tool."""

import urllib.request

import pytest
from tests.support.server import Server
from tests.support.stacks import create_stack, outputs_of

REST_API = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11}}
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      AutoPublishAlias: live
      InlineCode: |
        def handler(event, context):
            return {"statusCode": 200, "body": event["path"]}
      Events: {Call: {Type: Api, Properties: {Path: /x, Method: get}}}
Outputs: {Id: {Value: !Ref ServerlessRestApi}}
"""


@pytest.mark.thorough
def test_a_function_with_a_rest_api_answers(server: Server) -> None:
    api = outputs_of(create_stack(server, "rest", REST_API))["Id"]
    host = {"Host": f"{api}.execute-api.us-east-1.localhost"}
    with urllib.request.urlopen(urllib.request.Request(f"{server.endpoint_url}/Prod/x", headers=host), timeout=60) as answer:
        assert answer.read() == b"/x"
