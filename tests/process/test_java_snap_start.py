"""SnapStart of Java functions, with the hooks of org.crac."""

import asyncio
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.support.downloads import fetched
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool

from alonzo.runtimes.java_client import default_cache, ensure_java_client

_SOURCE = Path(__file__).parent / "programs" / "java_snap_start" / "app" / "Restored.java"
_CRAC = "https://repo1.maven.org/maven2/org/crac/crac/1.5.0/crac-1.5.0.jar"
_CRAC_SHA256 = "f4426e1641c8f0fa2f025a4cd7c40c285abaf265930e6717adfcaef03d034850"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The handler with org.crac beside it, as build tools pack it."""
    compiler = require_tool("javac")
    jars, classes = tmp_path_factory.mktemp("jars"), tmp_path_factory.mktemp("classes")
    asyncio.run(ensure_java_client(jars, cache=default_cache()))
    crac = _crac()
    class_path = f"{next(jars.glob('aws-lambda-java-core-*.jar'))}:{crac}"
    subprocess.run([compiler, "-cp", class_path, "--release", "11", "-d", str(classes), str(_SOURCE)], check=True)
    with zipfile.ZipFile(crac) as archive:
        archive.extractall(classes)
    return zip_of({str(path.relative_to(classes)): path.read_bytes() for path in classes.rglob("*.class")})


def test_hooks_run_around_the_restore(server: Server, package: bytes) -> None:
    name = publish(server, "java-snap", package)
    assert succeed(server, name, {}, Qualifier="1") == ["init", "before", "after"]
    assert succeed(server, name, {}) == ["init"]  # $LATEST
    messages = wait_for_log(server, name, "Billed Restore Duration")
    assert any(message.startswith("RESTORE_START Runtime Version: java:17.v1") for message in messages)


def test_a_hook_that_fails(server: Server, package: bytes) -> None:
    name = publish(server, "java-snap-fails", package, Environment={"Variables": {"FAILS": "after"}})
    with pytest.raises(server.client("lambda").exceptions.SnapStartException):
        invoke(server, name, {}, Qualifier="1")
    assert "Error Type: Runtime.AfterRestoreError" in "".join(wait_for_log(server, name, "RESTORE_REPORT"))


def publish(server: Server, name: str, package: bytes, **more: Any) -> str:
    client = server.client("lambda")
    configuration = {"Runtime": "java17", "Handler": "app.Restored::describe", "MemorySize": 512, "Timeout": 30, "Role": ROLE} | more
    client.create_function(
        FunctionName=name, Code={"ZipFile": package}, SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True, **configuration
    )
    waiter = client.get_waiter("published_version_active")
    waiter.wait(FunctionName=name, Qualifier="1", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    return name


def _crac() -> Path:
    return fetched(_CRAC, default_cache() / _CRAC.rpartition("/")[2], sha256=_CRAC_SHA256)
