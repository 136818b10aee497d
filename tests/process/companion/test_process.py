"""The companion's process: there when it is needed and not before, back when it has died, gone with the node."""

import os
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.conftest import StartServer
from tests.support.aws_peer import AwsPeer
from tests.support.ports import free_port
from tests.support.processes import is_alive
from tests.support.server import Server
from tests.support.waiting import eventually

from .processes import companions_of


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_it_starts_with_the_first_request_and_ends_with_the_node(start_server: StartServer) -> None:
    server = start_server()
    server.client("lambda").list_functions()
    urllib.request.urlopen(f"{server.endpoint_url}/health").close()
    assert companions_of(server) == []
    server.client("sqs").list_queues()
    (companion,) = companions_of(server)
    assert server.stop() == 0
    assert not is_alive(companion)


@pytest.mark.thorough
def test_it_does_not_outlive_a_node_that_is_killed(start_server: StartServer) -> None:
    server = start_server()
    server.client("sqs").list_queues()
    (companion,) = companions_of(server)
    server.kill()
    eventually(lambda: not is_alive(companion), what="the companion gone")


def test_it_is_back_when_it_has_died(start_server: StartServer) -> None:
    server = start_server()
    server.client("sqs").create_queue(QueueName="q")
    (first,) = companions_of(server)
    first.kill()
    eventually(lambda: not is_alive(first), what="the first gone")
    assert "QueueUrls" not in server.client("sqs", retries={"total_max_attempts": 5}).list_queues()
    assert companions_of(server) != [first]
    assert "is in memory only and ends with them" in server.log_file.read_text()


@pytest.mark.thorough
def test_one_that_cannot_start_is_told_of(start_server: StartServer, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "waitress"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('broken on purpose')\n")
    path = os.pathsep.join([str(broken.parent), os.environ.get("PYTHONPATH", "")])
    server = start_server(environment={"PYTHONPATH": path})
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            server.client("sqs").list_queues()
        assert code_of(caught) == (503, "ServiceUnavailable")
        with pytest.raises(ClientError) as caught:
            server.client("s3").list_buckets()
        assert code_of(caught) == (503, "ServiceUnavailable")
    assert "broken on purpose" in server.log_file.read_text()


def test_without_one_other_services_are_not_there(start_server: StartServer) -> None:
    server = start_server("--companion", "off")
    for service, call in (("sqs", "list_queues"), ("s3", "list_buckets"), ("sts", "get_caller_identity")):
        with pytest.raises(ClientError) as caught:
            getattr(server.client(service), call)()
        assert code_of(caught)[0] == 501
    assert companions_of(server) == []


@pytest.mark.thorough
def test_workers_share_one(start_server: StartServer) -> None:
    server = start_server("--workers", "2")
    server.client("sqs").create_queue(QueueName="shared")
    for _ in range(4):  # connections of their own, which go to the workers in turn
        (url,) = server.client("sqs").list_queues()["QueueUrls"]
        assert url.endswith("/shared")
    assert len(companions_of(server)) == 1


def test_a_service_may_be_elsewhere(start_server: StartServer) -> None:
    with AwsPeer.start() as peer:
        url, _ = peer.create_queue("there")
        server = start_server("--service", f"sqs={peer.endpoint_url}")
        (found,) = server.client("sqs", account="123456789012").list_queues()["QueueUrls"]
        assert found.endswith("/there")
        server.client("sqs", account="123456789012").send_message(QueueUrl=found, MessageBody="x" * 100_000)
        (message,) = peer.receive(url)
        assert len(message["Body"]) == 100_000
        assert companions_of(server) == []
        assert server.client("s3").list_buckets()["Buckets"] == []
        assert len(companions_of(server)) == 1
        peer.stop()
        with pytest.raises(ClientError) as caught:
            server.client("sqs").list_queues()
        assert code_of(caught) == (503, "ServiceUnavailable")


def test_requests_of_clients_are_not_signed_anew_for_aws(start_server: StartServer) -> None:
    server = start_server("--service", "s3=aws")
    with pytest.raises(ClientError) as caught:
        server.client("s3").list_buckets()
    assert code_of(caught)[0] == 501


def test_an_endpoint_that_leads_back_is_noticed(start_server: StartServer) -> None:
    port = free_port()
    server: Server = start_server("--port", str(port), "--service", f"sqs=http://127.0.0.1:{port}")
    with pytest.raises(ClientError) as caught:
        server.client("sqs").list_queues()
    assert code_of(caught) == (508, "ServiceUnavailable")


@pytest.mark.thorough
def test_a_data_directory_with_a_long_name_does(tmp_path: Path, start_server: StartServer) -> None:
    server = start_server(data_directory=tmp_path / ("long" * 30) / "data")
    assert server.client("sqs").create_queue(QueueName="q")["QueueUrl"].endswith("/q")
