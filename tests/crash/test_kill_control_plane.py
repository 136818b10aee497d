"""`kill -9` of the node while clients create, publish, alias and delete: what was acknowledged is there, and nothing is half done."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from tests.conftest import StartServer
from tests.support.consistency import assert_functions_complete
from tests.support.invoking import succeed
from tests.support.server import ROLE, Server, zip_of

KILL_COUNT = 20
_CLIENT_COUNT = 4
_ACKNOWLEDGED_MAX = 40
_ALIASES = ("blue", "green")
_EXPECTED_ERRORS = {"ResourceNotFoundException", "ResourceConflictException"}
_SOURCE = "def handler(event, context):\n    return {!r}\n"
_PACKAGES = [zip_of({"app.py": _SOURCE.format(f"code {number}")}) for number in range(4)]


class _Owner:
    """Changes a function of its own until the server is gone, and remembers what it was told."""

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._random = random.Random(seed)
        self._versions: dict[str, str] = {}  # CodeSha256 by version, $LATEST aside; of a function that is there
        self._aliases: dict[str, str] = {}
        self._exists = False
        self._in_doubt = ""

    def work(self, client: Any, acknowledge: Callable[[], None]) -> None:
        """Until the connection fails; an error that nobody expects is raised."""
        changes = [*[self._publish, self._update_code, self._point, self._unpoint] * 3, self._delete_version, self._delete]
        while True:
            action = self._random.choice(changes) if self._exists else self._create
            self._in_doubt = action.__name__
            try:
                action(client)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _EXPECTED_ERRORS:
                    raise
            except BotoCoreError:
                return
            self._in_doubt = ""
            acknowledge()

    def check(self, client: Any, functions: dict[str, dict[str, str]]) -> None:
        """What is there is what was acknowledged, and at most the one change more that was not; remembers it."""
        doubt = self._in_doubt
        found = functions.get(self._name)
        if doubt not in {"_create", "_delete"}:
            assert (found is not None) == self._exists, (self._name, doubt)
        elif found is None:
            assert doubt == "_delete" or not self._exists
        versions = {} if found is None else {version: sha256 for version, sha256 in found.items() if version != "$LATEST"}
        aliases = {} if found is None else _aliases_of(client, self._name)
        if found is not None:
            self._check_versions(versions)
            if doubt == "_create" and not self._exists:
                assert versions.keys() == {"1"}, "created, but not published"
            if doubt not in {"_point", "_unpoint", "_delete"}:
                assert aliases == self._aliases
        self._exists, self._versions, self._aliases, self._in_doubt = found is not None, versions, aliases, ""

    def _check_versions(self, versions: dict[str, str]) -> None:
        lost = self._versions.keys() - versions.keys()
        new = versions.keys() - self._versions.keys()
        assert not lost or self._in_doubt == "_delete" or (self._in_doubt == "_delete_version" and len(lost) == 1), lost
        assert not new or (self._in_doubt in {"_create", "_publish", "_update_code"} and len(new) == 1), new
        assert all(versions[version] == sha256 for version, sha256 in self._versions.items() if version in versions)

    def _create(self, client: Any) -> None:
        settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, "Publish": True}
        answer = client.create_function(FunctionName=self._name, Code={"ZipFile": self._random.choice(_PACKAGES)}, **settings)
        self._exists, self._versions, self._aliases = True, {"1": answer["CodeSha256"]}, {}

    def _publish(self, client: Any) -> None:
        self._remember(client.publish_version(FunctionName=self._name))

    def _update_code(self, client: Any) -> None:
        package = self._random.choice(_PACKAGES)
        self._remember(client.update_function_code(FunctionName=self._name, ZipFile=package, Publish=True))

    def _remember(self, version: dict[str, Any]) -> None:
        self._versions[version["Version"]] = version["CodeSha256"]

    def _point(self, client: Any) -> None:
        alias, version = self._random.choice(_ALIASES), self._random.choice(sorted(self._versions) or ["1"])
        parameters = {"FunctionName": self._name, "Name": alias, "FunctionVersion": version}
        (client.update_alias if alias in self._aliases else client.create_alias)(**parameters)
        self._aliases[alias] = version

    def _unpoint(self, client: Any) -> None:
        alias = self._random.choice(_ALIASES)
        client.delete_alias(FunctionName=self._name, Name=alias)
        self._aliases.pop(alias, None)

    def _delete_version(self, client: Any) -> None:
        version = self._random.choice(sorted(self._versions) or ["1"])
        client.delete_function(FunctionName=self._name, Qualifier=version)
        self._versions.pop(version, None)

    def _delete(self, client: Any) -> None:
        client.delete_function(FunctionName=self._name)
        self._exists, self._versions, self._aliases = False, {}, {}


def test_every_function_is_complete_after_twenty_kills(start_server: StartServer, tmp_path: Path) -> None:
    data = tmp_path / "data"
    owners = [_Owner(f"owned-{number}", seed=number) for number in range(_CLIENT_COUNT)]
    moments = random.Random(0)
    for _ in range(KILL_COUNT):
        server = start_server(data_directory=data)
        _check(server, owners)
        _work_until_killed(server, owners, acknowledged_count=moments.randint(1, _ACKNOWLEDGED_MAX))
    server = start_server(data_directory=data)
    for name, versions in _check(server, owners).items():
        server.wait_until_settled(name)
        for version in versions:
            assert succeed(server, f"{name}:{version}").startswith("code ")


def _check(server: Server, owners: list[_Owner]) -> dict[str, dict[str, str]]:
    functions = assert_functions_complete(server)
    for owner in owners:
        owner.check(server.client("lambda"), functions)
    return functions


def _work_until_killed(server: Server, owners: list[_Owner], *, acknowledged_count: int) -> None:
    acknowledged = threading.Semaphore(0)
    client = server.client("lambda", read_timeout=20)
    with ThreadPoolExecutor(len(owners)) as pool:
        working = [pool.submit(owner.work, client, acknowledged.release) for owner in owners]
        for _ in range(acknowledged_count):
            assert acknowledged.acquire(timeout=20)
        server.kill()
    for work in working:
        work.result()


def _aliases_of(client: Any, name: str) -> dict[str, str]:
    return {alias["Name"]: alias["FunctionVersion"] for alias in client.list_aliases(FunctionName=name)["Aliases"]}
