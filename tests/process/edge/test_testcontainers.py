"""Testcontainers' LocalStack module, unmodified but for its container: a server that runs stands for it."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from testcontainers.core.wait_strategies import HttpWaitStrategy
from testcontainers.localstack import LocalStackContainer
from tests.support.server import ROLE, Server, zip_of

SOURCE = "import json\ndef handler(event, context):\n    return {'said': event['word'], 'arn': context.invoked_function_arn}\n"


class RunningServer(LocalStackContainer):  # type: ignore[misc]
    """Found where `server` listens. Docker is spoken to by nobody: the version of its API is not asked for."""

    def __init__(self, server: Server) -> None:
        super().__init__(region_name="eu-west-1", docker_client_kw={"version": "1.41"})
        self._address = urlsplit(server.endpoint_url)

    def get_container_host_ip(self) -> str:
        """As the module asks."""
        return str(self._address.hostname)

    def get_exposed_port(self, port: int) -> int:
        """As the module asks, with the port that LocalStack has."""
        assert port == 4566
        return int(self._address.port or 0)


@pytest.fixture
def localstack(server: Server) -> RunningServer:
    return RunningServer(server)


def test_its_clients_find_everything(localstack: RunningServer) -> None:
    functions, buckets, queues = (localstack.get_client(service) for service in ("lambda", "s3", "sqs"))
    buckets.create_bucket(Bucket="contained", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    buckets.put_object(Bucket="contained", Key="code.zip", Body=zip_of({"app.py": SOURCE}))
    functions.create_function(
        FunctionName="contained",
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        Code={"S3Bucket": "contained", "S3Key": "code.zip"},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="contained", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    answer: dict[str, Any] = json.load(functions.invoke(FunctionName="contained", Payload=b'{"word": "hello"}')["Payload"])
    assert answer == {"said": "hello", "arn": "arn:aws:lambda:eu-west-1:000000000000:function:contained"}
    queue = queues.create_queue(QueueName="contained")["QueueUrl"]
    queues.send_message(QueueUrl=queue, MessageBody="hello")
    (message,) = queues.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "hello"


def test_its_wait_strategies_see_that_it_is_ready(localstack: RunningServer) -> None:
    def has_functions(body: str) -> bool:
        return json.loads(body)["services"]["lambda"] in {"available", "running"}

    HttpWaitStrategy(4566, "/_localstack/health").for_status_code(200).for_response_predicate(has_functions).wait_until_ready(localstack)
    initialized = HttpWaitStrategy(4566, "/_localstack/init/ready").for_response_predicate(lambda body: bool(json.loads(body)["completed"]))
    initialized.wait_until_ready(localstack)
