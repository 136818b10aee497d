"""Deploy and invoke through boto3."""

import json

from tests.support.server import Server


def test_answers_what_the_handler_returns(server: Server) -> None:
    name = server.deploy("echo", "def handler(event, context):\n    return event\n")
    answer = server.client("lambda").invoke(FunctionName=name, Payload=b'{"a": [1, null]}')
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert json.loads(answer["Payload"].read()) == {"a": [1, None]}
