"""Packages of several files, what they find around themselves, and what a function can do that is not Lambda's business."""

import io
import zipfile
from typing import Any

import pytest
from tests.support.invoking import invoke, succeed
from tests.support.server import ROLE, Server, zip_of


def deploy_files(server: Server, name: str, files: dict[str, str | bytes], handler: str, **configuration: Any) -> str:
    client = server.client("lambda")
    settings = {"Runtime": "python3.12", "Role": ROLE, "MemorySize": 512, "Timeout": 20} | configuration
    client.create_function(FunctionName=name, Handler=handler, Code={"ZipFile": zip_of(files)}, **settings)
    server.wait_until_settled(name)
    return name


@pytest.mark.parametrize(
    ("path", "handler"),
    [("src/app.py", "src.app.run"), ("src/app.py", "src/app.run"), ("a/b/c.py", "a.b.c.run"), ("täglich.py", "täglich.run")],
)
def test_handlers_may_lie_deeper(server: Server, path: str, handler: str) -> None:
    name = "deeper-" + "".join(character for character in handler if character.isascii() and character.isalnum())
    deploy_files(server, name + str(handler.count("/")), {path: "def run(event, context):\n    return __file__\n"}, handler)
    assert succeed(server, name + str(handler.count("/"))) == f"/var/task/{path}"


def test_modules_of_the_package_come_before_those_of_the_runtime(server: Server) -> None:
    own = {"boto3/__init__.py": "WHOSE = 'own'\n", "alonzo/__init__.py": "WHOSE = 'own'\n", "requests.py": "WHOSE = 'own'\n"}
    source = "import alonzo, boto3, requests\ndef run(event, context):\n    return [alonzo.WHOSE, boto3.WHOSE, requests.WHOSE]\n"
    name = deploy_files(server, "own-modules", {**own, "app.py": source}, "app.run")
    assert succeed(server, name) == ["own"] * 3


def test_data_and_programs_of_the_package_are_there(server: Server) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        program = zipfile.ZipInfo("bin/hello")
        program.external_attr = 0o755 << 16
        archive.writestr(program, "#!/bin/sh\necho hello from $0\n")
        archive.writestr("data/ümlaut.txt", "☔")
        archive.writestr(
            "app.py",
            "import subprocess\ndef run(event, context):\n"
            "    said = subprocess.run(['bin/hello'], capture_output=True, text=True, check=True).stdout\n"
            "    return [said, open('data/ümlaut.txt', encoding='utf-8').read()]\n",
        )
    client = server.client("lambda")
    client.create_function(FunctionName="data", Runtime="python3.12", Handler="app.run", Role=ROLE, Code={"ZipFile": package.getvalue()})
    server.wait_until_settled("data")
    assert succeed(server, "data") == ["hello from bin/hello\n", "☔"]


def test_the_code_is_read_only_and_tmp_is_as_large_as_configured(server: Server) -> None:
    source = """
import os

def run(event, context):
    refused = []
    for path in ("/var/task/x", "/var/runtime/x", "/opt/x", "/x", "/usr/x"):
        try:
            open(path, "w")
        except OSError:
            refused.append(path)
    status = os.statvfs("/tmp")
    with open("/tmp/large", "wb") as file:
        file.write(bytes(100 << 20))
    return refused, status.f_blocks * status.f_frsize >> 20
"""
    for mib in (512, 1_024):
        name = deploy_files(server, f"tmp-{mib}", {"app.py": source}, "app.run", EphemeralStorage={"Size": mib})
        refused, size_mib = succeed(server, name)
        assert refused == ["/var/task/x", "/var/runtime/x", "/opt/x", "/x", "/usr/x"]
        assert mib * 0.9 <= size_mib <= mib


def test_variables_may_hold_any_text(server: Server) -> None:
    values = {"EMPTY": "", "LINES": "a\nb\r\n", "QUOTES": "'\"$(id)`", "SIGNS": "☔ 𝄞 =;", "SPACES": "  x  "}
    source = f"import os\ndef run(event, context):\n    return {{name: os.environ[name] for name in {sorted(values)}}}\n"
    name = deploy_files(server, "texts", {"app.py": source}, "app.run", Environment={"Variables": values})
    assert succeed(server, name) == values


def test_threads_children_and_event_loops_work(server: Server) -> None:
    source = """
import asyncio, concurrent.futures, subprocess, sys, tempfile

async def gathered():
    return await asyncio.gather(*(asyncio.sleep(0, number) for number in range(3)))

def run(event, context):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        threads = list(pool.map(str, range(3)))
    child = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True, check=True).stdout
    with tempfile.NamedTemporaryFile() as file:
        return [threads, asyncio.run(gathered()), child, file.name.startswith("/tmp/")]
"""
    name = deploy_files(server, "threads", {"app.py": source}, "app.run")
    assert succeed(server, name) == [["0", "1", "2"], [0, 1, 2], "42\n", True]
    assert succeed(server, name) == [["0", "1", "2"], [0, 1, 2], "42\n", True]


def test_a_coroutine_is_no_result(server: Server) -> None:
    name = deploy_files(server, "coroutine", {"app.py": "async def run(event, context):\n    return 1\n"}, "app.run")
    assert invoke(server, name).value["errorMessage"] == "Unable to marshal response: Object of type coroutine is not JSON serializable"
