"""Archives of the classes that every Java function loads: made once, used from then on."""

import shutil
from pathlib import Path
from typing import Any

from tests.conftest import StartServer
from tests.support.invoking import read_log, succeed
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool
from tests.support.waiting import eventually

from alonzo.runtimes.java_client import default_cache


def deploy(server: Server, name: str, **more: Any) -> str:
    """A method of the JDK as handler: nothing need be compiled."""
    configuration = {"Runtime": "java17", "Handler": "java.util.Map::copyOf", "MemorySize": 512, "Timeout": 30, "Role": ROLE} | more
    server.client("lambda").create_function(FunctionName=name, Code={"ZipFile": zip_of({"README": "no code"})}, **configuration)
    server.wait_until_settled(name)
    return name


def test_the_classes_of_the_client_come_from_an_archive_that_was_made_once(start_server: StartServer, tmp_path: Path) -> None:
    require_tool("java")
    server = start_server(environment={"XDG_CACHE_HOME": str(_cache_with_jars(tmp_path))})
    archives, packages = (tmp_path / "cache" / "alonzo" / name for name in ("maven", "runtimes"))
    verbose = {"Environment": {"Variables": {"JAVA_TOOL_OPTIONS": "-Xlog:class+load:stdout"}}}
    early = deploy(server, "java-early", **verbose)
    assert succeed(server, early, {}) == {}  # whether the archive is there or not
    eventually(lambda: list(packages.glob("*/java/classes-*.jsa")), what="the archive", within_seconds=90)
    (archive,) = archives.glob("classes-*.jsa")
    made_at = archive.stat().st_mtime_ns
    assert _loads_client_from_archive(server, deploy(server, "java-late", **verbose))
    again = start_server(environment={"XDG_CACHE_HOME": str(tmp_path / "cache")}, data_directory=tmp_path / "another")
    deploy(again, "java-first")
    assert _loads_client_from_archive(again, deploy(again, "java-again", **verbose))
    assert archive.stat().st_mtime_ns == made_at


def _cache_with_jars(directory: Path) -> Path:
    cache = directory / "cache"
    shutil.copytree(default_cache(), cache / "alonzo" / "maven", ignore=shutil.ignore_patterns("*.jsa", ".*"))
    return cache


def _loads_client_from_archive(server: Server, name: str) -> bool:
    """The JVM says it of each class that it loads."""

    def probe() -> str | None:
        succeed(server, name, {})
        return next(
            (line for line in read_log(server, name) if " com.amazonaws.services.lambda.runtime.api.client.AWSLambda source:" in line), None
        )

    return "shared objects file (top)" in eventually(probe, what="the JVM's word", within_seconds=60)
