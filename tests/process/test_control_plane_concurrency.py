"""Many clients that change the same few functions at once: what they leave goes together, and no error is one that AWS would not give."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError
from tests.support.consistency import assert_functions_complete
from tests.support.invoking import invoke
from tests.support.server import ROLE, Server, zip_of

CLIENT_COUNT = 50
_OPERATIONS_EACH = 16
_NAMES = ("shared-1", "shared-2", "shared-3")
_ALIASES = ("blue", "green")
_EXPECTED_ERRORS = {"ResourceNotFoundException", "ResourceConflictException", "PreconditionFailedException"}
_SAME_VERSION_TWICE = "InvalidParameterValueException"
_SOURCE = "def handler(event, context):\n    return {!r}\n"
_PACKAGES = [zip_of({"app.py": _SOURCE.format(f"code {number}")}) for number in range(4)]


class _Client:
    """Does what comes to its mind; counts how that went."""

    def __init__(self, client: Any, seed: int) -> None:
        self._client = client
        self._random = random.Random(seed)
        self._actions: list[Callable[[], Any]] = [
            *[self._create] * 4,
            *[self._update_code, self._update_configuration, self._publish] * 3,
            *[self._create_alias, self._update_alias] * 4,
            *[self._delete_alias, self._delete_version, self._delete_function, *[self._read] * 4],
        ]
        self.outcomes: Counter[str] = Counter()

    def work(self) -> None:
        """Errors that nobody expects end it."""
        for _ in range(_OPERATIONS_EACH):
            action = self._random.choice(self._actions)
            try:
                action()
                outcome = "done"
            except ClientError as error:
                outcome = error.response["Error"]["Code"]
                if outcome not in _EXPECTED_ERRORS and (outcome, action) != (_SAME_VERSION_TWICE, self._update_alias):
                    raise
            self.outcomes[f"{action.__name__}: {outcome}"] += 1

    @property
    def _function(self) -> dict[str, Any]:
        return {"FunctionName": self._random.choice(_NAMES)}

    @property
    def _alias(self) -> dict[str, Any]:
        return self._function | {"Name": self._random.choice(_ALIASES)}

    @property
    def _version(self) -> str:
        return str(self._random.randint(1, 3))

    def _create(self) -> None:
        settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, "Publish": True}
        self._client.create_function(Code={"ZipFile": self._random.choice(_PACKAGES)}, **self._function, **settings)

    def _update_code(self) -> None:
        function = self._function
        known = self._client.get_function_configuration(**function)["RevisionId"]
        parameters = {"ZipFile": self._random.choice(_PACKAGES), "Publish": True, "RevisionId": known}
        self._client.update_function_code(**function, **parameters)

    def _update_configuration(self) -> None:
        self._client.update_function_configuration(Timeout=self._random.randint(1, 60), **self._function)

    def _publish(self) -> None:
        self._client.publish_version(**self._function)

    def _create_alias(self) -> None:
        self._client.create_alias(FunctionVersion=self._version, **self._alias)

    def _update_alias(self) -> None:
        routing = self._random.choice([{}, {"RoutingConfig": {}}, {"RoutingConfig": {"AdditionalVersionWeights": {self._version: 0.5}}}])
        self._client.update_alias(FunctionVersion=self._version, **routing, **self._alias)

    def _delete_alias(self) -> None:
        self._client.delete_alias(**self._alias)

    def _delete_version(self) -> None:
        self._client.delete_function(Qualifier=self._version, **self._function)

    def _delete_function(self) -> None:
        self._client.delete_function(**self._function)

    def _read(self) -> None:
        function = self._function
        self._client.get_function(**function)
        self._client.list_versions_by_function(**function)
        self._client.list_aliases(**function)


def test_many_clients_leave_a_consistent_state(server: Server) -> None:
    client = server.client("lambda")
    workers = [_Client(client, seed) for seed in range(CLIENT_COUNT)]
    with ThreadPoolExecutor(CLIENT_COUNT) as pool:
        for done in [pool.submit(worker.work) for worker in workers]:
            done.result()
    outcomes = sum((worker.outcomes for worker in workers), Counter[str]())
    assert sum(count for outcome, count in outcomes.items() if outcome.endswith(": done") and "_read" not in outcome) > CLIENT_COUNT
    for name in assert_functions_complete(server):
        server.wait_until_settled(name)
        for version in assert_functions_complete(server)[name]:
            assert invoke(server, f"{name}:{version}").value.startswith("code ")


def test_nothing_of_a_function_is_left_for_the_next_one_of_its_name(server: Server) -> None:
    client = server.client("lambda")
    for name in _NAMES:
        with suppress(client.exceptions.ResourceNotFoundException):
            client.delete_function(FunctionName=name)
        server.deploy(name, _SOURCE.format("new"))
        assert client.list_aliases(FunctionName=name)["Aliases"] == []
        assert [version["Version"] for version in client.list_versions_by_function(FunctionName=name)["Versions"]] == ["$LATEST"]
        assert client.publish_version(FunctionName=name)["Version"] == "1"


def test_of_changes_of_the_same_revision_one_is_made(server: Server) -> None:
    client, name = server.client("lambda"), server.deploy("revisions", _SOURCE.format("first"))
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    known = client.get_function_configuration(FunctionName=name)["RevisionId"]
    known_alias = client.get_alias(FunctionName=name, Name="live")["RevisionId"]
    together = threading.Barrier(CLIENT_COUNT)

    def change(number: int) -> str:
        together.wait()
        try:
            if number % 2:
                client.update_function_configuration(FunctionName=name, Timeout=10 + number, RevisionId=known)
                return "changed"
            client.update_alias(FunctionName=name, Name="live", Description=str(number), RevisionId=known_alias)
        except ClientError as error:
            code: str = error.response["Error"]["Code"]
            return code
        return "alias changed"

    with ThreadPoolExecutor(CLIENT_COUNT) as pool:
        outcomes = Counter(pool.map(change, range(CLIENT_COUNT)))
    assert outcomes["changed"] == outcomes["alias changed"] == 1, outcomes
    assert outcomes.keys() <= {"changed", "alias changed", "PreconditionFailedException", "ResourceConflictException"}


def test_publications_at_once_give_one_version(server: Server) -> None:
    client, name = server.client("lambda"), server.deploy("published-at-once", _SOURCE.format("first"))
    with ThreadPoolExecutor(CLIENT_COUNT) as pool:
        versions = list(pool.map(lambda _: client.publish_version(FunctionName=name)["Version"], range(CLIENT_COUNT)))
    assert set(versions) == {"1"}
