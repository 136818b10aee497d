"""What one worker has answered all of them know: clients do not see that there are several."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import succeed
from tests.support.server import ROLE, Server, zip_of
from tests.support.workers import workers_of

from .conftest import WORKERS

CONNECTIONS = 12
SAYS = "def handler(event, context): return {text!r}"
ECHO = "def handler(event, context): return event"


def test_every_connection_knows_of_a_change_that_was_answered(server: Server) -> None:
    name = server.deploy(f"changing-{uuid.uuid4().hex[:8]}", SAYS.format(text="0"))
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for number in range(1, 4):
            server.client("lambda").update_function_code(FunctionName=name, ZipFile=zip_of({"app.py": SAYS.format(text=str(number))}))
            server.wait_until_settled(name)
            assert set(pool.map(lambda _: succeed(server, name), range(CONNECTIONS))) == {str(number)}


def test_every_connection_knows_what_was_created_and_deleted(server: Server) -> None:
    def seen(name: str) -> bool:
        try:
            server.client("lambda").get_function_configuration(FunctionName=name)
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for _ in range(5):
            name = f"here-{uuid.uuid4().hex[:8]}"
            code = {"ZipFile": zip_of({"app.py": ECHO})}
            server.client("lambda").create_function(FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code)
            assert set(pool.map(seen, [name] * CONNECTIONS)) == {True}
            server.client("lambda").delete_function(FunctionName=name)
            assert set(pool.map(seen, [name] * CONNECTIONS)) == {False}


def test_of_many_that_create_the_same_one_does(server: Server) -> None:
    code = {"ZipFile": zip_of({"app.py": ECHO})}

    def create(name: str) -> str:
        try:
            server.client("lambda").create_function(FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "created"

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        outcomes = list(pool.map(create, [f"once-{uuid.uuid4().hex[:8]}"] * CONNECTIONS))
    assert sorted(outcomes) == ["ResourceConflictException"] * (CONNECTIONS - 1) + ["created"]


@pytest.mark.parametrize("attempt", range(3))
def test_no_alias_outlives_its_version(server: Server, attempt: int) -> None:
    """The deletion of a version and an alias that is to lead to it, at the same time and at different workers."""
    client, name = server.client("lambda"), server.deploy(f"raced-{attempt}-{uuid.uuid4().hex[:8]}", ECHO)
    versions = [client.publish_version(FunctionName=name, Description=str(number))["Version"] for number in range(1, 2)]
    for number in range(6):
        client.update_function_configuration(FunctionName=name, Description=f"next {number}")
        server.wait_until_settled(name)
        versions.append(client.publish_version(FunctionName=name)["Version"])
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        deletions = [pool.submit(outcome, server.client("lambda").delete_function, FunctionName=name, Qualifier=each) for each in versions]
        creations = [
            pool.submit(outcome, server.client("lambda").create_alias, FunctionName=name, Name=f"a{each}", FunctionVersion=each)
            for each in versions
        ]
        for deletion, creation in zip(deletions, creations, strict=True):
            assert not (deletion.result() and creation.result())
    there = {version["Version"] for version in client.list_versions_by_function(FunctionName=name)["Versions"]}
    assert {alias["FunctionVersion"] for alias in client.list_aliases(FunctionName=name)["Aliases"]} <= there


def test_versions_that_are_published_at_once_are_numbered_without_gaps(server: Server) -> None:
    name = server.deploy(f"numbered-{uuid.uuid4().hex[:8]}", ECHO)

    def publish(number: int) -> bool:
        code = zip_of({"app.py": f"{ECHO}  # {number}"})
        return outcome(server.client("lambda").update_function_code, FunctionName=name, ZipFile=code, Publish=True)

    with ThreadPoolExecutor(6) as pool:
        published = sum(pool.map(publish, range(6)))
    versions = [version["Version"] for version in server.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]]
    assert versions == ["$LATEST", *(str(number) for number in range(1, published + 1))]


def test_connections_are_spread_over_all_workers(server: Server) -> None:
    assert len(workers_of(server)) == WORKERS
    name = server.deploy(f"spread-{uuid.uuid4().hex[:8]}", "def handler(event, context): return context.log_stream_name")
    clients = [server.client("lambda") for _ in range(3 * WORKERS)]  # each with a connection of its own
    environments = {client.invoke(FunctionName=name)["Payload"].read() for client in clients}
    assert len(environments) == WORKERS


def outcome(call: Any, **parameters: Any) -> bool:
    """Whether it was done."""
    try:
        call(**parameters)
    except ClientError:
        return False
    return True
