"""`alonzo up DIR`: what is saved is live at the next invocation, and what fails leaves what was live."""

import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.support.deploying import RUST_MAIN, RUST_MANIFEST, Watched, write, write_wheel
from tests.support.invoking import invoke, succeed
from tests.support.processes import children_with, is_alive
from tests.support.server import Server
from tests.support.toolchains import require_tool
from tests.support.waiting import eventually

PYTHON = "VERSION = 1\ndef handler(event, context):\n    return VERSION\n"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    require_tool("cargo")
    root = tmp_path_factory.mktemp("watched")
    wheel = write_wheel(root / "functions" / "py", "large", "", data=random.Random(1).randbytes(400_000))
    files = {
        "py/app.py": PYTHON,
        "py/requirements.txt": f"./{wheel.name}",
        "compiled/Cargo.toml": RUST_MANIFEST,
        "compiled/src/main.rs": RUST_MAIN.replace("ANSWER", "1"),
    }
    directory = write(root / "functions", files)
    environment = {"XDG_CACHE_HOME": str(root / "cache")}
    with Server.start(str(directory), data_directory=root / "alonzo", environment=environment) as server:
        running = Watched(server, directory)
        running.wait_for_line("watching ")
        yield running


def test_a_saved_file_is_live(watched: Watched) -> None:
    server, source = watched.server, watched.directory / "py" / "app.py"
    assert succeed(server, "py") == 1
    source.write_text(PYTHON.replace("1", "2"))
    watched.wait_for_line("app.py changed: py is live after ")
    assert succeed(server, "py") == 2
    dependencies = list((server.data_directory / "code").glob("*/large.bin"))
    assert all(path.stat().st_nlink == len(dependencies) == 2 for path in dependencies)


def test_a_file_that_is_renamed_in_place_is_live(watched: Watched) -> None:
    draft = watched.directory / "py" / ".app.py.swp"
    draft.write_text(PYTHON.replace("1", "3"))
    draft.rename(watched.directory / "py" / "app.py")
    watched.wait_for_answer("py", 3)


def test_files_come_and_go(watched: Watched) -> None:
    package = watched.directory / "py" / "lib"
    write(package, {"__init__.py": "", "number.py": "NUMBER = 4"})
    (watched.directory / "py" / "app.py").write_text("from lib.number import NUMBER\n" + PYTHON.replace("1", "NUMBER"))
    watched.wait_for_answer("py", 4)
    (package / "number.py").unlink()
    eventually(lambda: invoke(watched.server, "py").error, what="the module is not there any more")
    assert invoke(watched.server, "py").value["errorType"] == "Runtime.ImportModuleError"


def test_a_syntax_error_appears_at_the_invocation_as_on_aws(watched: Watched) -> None:
    source = watched.directory / "py" / "app.py"
    source.write_text("def handler(event, context):\n    return 1 1\n")
    expected = "Runtime.UserCodeSyntaxError"
    eventually(lambda: (answer := invoke(watched.server, "py")).error and answer.value["errorType"] == expected, what="the syntax error")
    source.write_text(PYTHON.replace("1", "5"))
    watched.wait_for_answer("py", 5)


def test_a_compiler_s_error_is_shown_and_the_old_version_stays_live(watched: Watched) -> None:
    source = watched.directory / "compiled" / "src" / "main.rs"
    assert succeed(watched.server, "compiled") == 1
    source.write_text(RUST_MAIN.replace('"ANSWER"', "no_such_thing"))
    watched.wait_for_line("what was live stays so")
    watched.wait_for_line("cannot find value `no_such_thing`")
    assert succeed(watched.server, "compiled") == 1
    source.write_text(RUST_MAIN.replace("ANSWER", "2"))
    watched.wait_for_answer("compiled", 2)


def test_a_new_directory_is_a_new_function(watched: Watched) -> None:
    write(watched.directory / "late", {"index.mjs": "export const handler = async () => 'late';"})
    watched.wait_for_line("late is live after ")
    assert succeed(watched.server, "late") == "late"


def test_the_watching_process_ends_with_the_server(tmp_path: Path) -> None:
    write(tmp_path / "py", {"app.py": PYTHON})
    server = Server.start(str(tmp_path / "py"), data_directory=tmp_path / "alonzo", environment={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    with server:
        watcher = eventually(lambda: find_watcher(server), what="the directory is watched")
        server.kill()
        eventually(lambda: not is_alive(watcher), what="the watcher ends")


def find_watcher(server: Server) -> psutil.Process | None:
    return next(iter(children_with(server.process.pid, "--watch")), None)
