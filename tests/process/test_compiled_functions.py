"""Functions compiled from Go and Rust with AWS's published libraries run on `provided.al2023` as they are."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.support.invoking import invoke, succeed
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool

_PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="module")
def go_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    program = tmp_path_factory.mktemp("go") / "bootstrap"
    command = [require_tool("go"), "build", "-tags", "lambda.norpc", "-o", str(program), "."]
    subprocess.run(command, cwd=_PROGRAMS / "go", env=os.environ | {"CGO_ENABLED": "0"}, check=True)
    return program.read_bytes()


@pytest.fixture(scope="module")
def rust_bootstrap() -> bytes:
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "alonzo" / "cargo"  # kept: it compiles for a minute
    command = [require_tool("cargo"), "build", "--locked", "--quiet", "--target-dir", str(directory)]
    subprocess.run(command, cwd=_PROGRAMS / "rust", check=True)
    return (directory / "debug" / "bootstrap").read_bytes()


def deploy(server: Server, name: str, bootstrap: bytes) -> str:
    code = {"ZipFile": zip_of({"bootstrap": bootstrap})}
    server.client("lambda").create_function(FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=ROLE, Code=code)
    server.wait_until_settled(name)
    return name


def test_a_function_in_go(server: Server, go_bootstrap: bytes) -> None:
    name = deploy(server, "go", go_bootstrap)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    for who in ("Ada", "Žižek"):
        assert succeed(server, name, {"name": who}) == {"hello": who, "arn": arn, "deadline": True}
    failed = invoke(server, name, {"fails": True})
    assert failed.error == "Unhandled"
    assert failed.value == {"errorMessage": "bad", "errorType": "errorString"}


def test_a_function_in_rust(server: Server, rust_bootstrap: bytes) -> None:
    name = deploy(server, "rust", rust_bootstrap)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    for event in ({"a": [1, 2.5, None]}, {"u": "ü😀"}):
        assert succeed(server, name, event) == {"echo": event, "arn": arn}
    failed = invoke(server, name, {"fails": True})
    assert failed.error == "Unhandled"
    assert failed.value["errorMessage"] == "bad"
