"""Functions of container images: `alonzo image`, and what an image sees and may do."""

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError
from tests.support.image_functions import create_image_function, load_image
from tests.support.image_programs import base_layer, runtime_layer
from tests.support.images import Entry, Image, directory, layer_of, link
from tests.support.invoking import invoke, wait_for_log
from tests.support.server import ALONZO, Server

ECR = "000000000000.dkr.ecr.us-east-1.amazonaws.com"

_EXTENSION = """#!/bin/sh
API="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
curl -sS -D /tmp/extension -o /dev/null -H "Lambda-Extension-Name: sidecar" "$API/register" -d '{"events": ["INVOKE"]}'
ID=$(grep -Fi Lambda-Extension-Identifier /tmp/extension | tr -d '[:space:]' | cut -d: -f2)
while curl -sS -o /dev/null -H "Lambda-Extension-Identifier: $ID" "$API/event/next"; do echo "the sidecar woke up in $PWD"; done
"""
_SIDECAR = Entry(name="opt/extensions/sidecar", content=_EXTENSION.encode(), mode=0o755)


@pytest.fixture(scope="module")
def base() -> list[bytes]:
    return [layer_of(base_layer()), layer_of(runtime_layer())]


def run_alonzo(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ALONZO, *arguments], env=server.environment(), capture_output=True, text=True, check=False)


def ask(server: Server, name: str, command: str) -> str:
    """What a function of the runtime in `image_programs.py` says to a command."""
    answer = invoke(server, name, command)
    assert answer.error is None, answer.payload
    return answer.payload.decode()


def test_an_image_is_loaded_and_runs_in_its_own_root(server: Server, base: list[bytes], tmp_path: Path) -> None:
    extension = layer_of([directory("opt"), directory("opt/extensions"), _SIDECAR])
    image = Image([*base, extension], Entrypoint=["/runtime"], Cmd=["app.handler"], Env=["OWN=image", "PATH=/bin"], WorkingDir="/work")
    path = tmp_path / "image.tar.gz"
    path.write_bytes(gzip.compress(image.docker_archive("shell:1"), compresslevel=0))
    loaded = re.fullmatch("shell:1 is sha256:([0-9a-f]{64})\n", run_alonzo(server, "image", "load", str(path)).stdout)
    assert loaded is not None
    name = create_image_function(server, "image-shell", f"{ECR}/shell:1", Environment={"Variables": {"MINE": "function"}})
    known = server.own_client("lambda").get_function(FunctionName=name)
    assert known["Code"] == {
        "RepositoryType": "ECR",
        "ImageUri": f"{ECR}/shell:1",
        "ResolvedImageUri": f"{ECR}/shell@sha256:{loaded[1]}",
    }
    assert (known["Configuration"]["State"], known["Configuration"]["CodeSha256"]) == ("Active", loaded[1])

    said = ask(server, name, "pwd; id -u; ls /; echo $OWN $MINE $_HANDLER $PATH $AWS_LAMBDA_FUNCTION_NAME; env | grep -c AWS_EXECUTION_ENV")
    assert said.split("\n") == [
        *("/work", "993", "bin", "dev", "etc", "lib", "lib64", "opt", "proc", "runtime", "tmp", "usr", "work"),
        "image function app.handler /bin image-shell",
        *("0", ""),
    ]
    said = ask(server, name, "touch /new /work/new /etc/hosts /dev/new /proc/new /tmp/new; ls /tmp/new /proc/1; grep -c alonzo /etc/hosts")
    assert said.count("cannot touch") == 5
    assert "/tmp/new" in said
    log = "".join(wait_for_log(server, name, "the sidecar woke up in /"))
    assert "begun with app.handler" in log
    assert re.search("EXTENSION\tName: sidecar\tState: Ready", log)
    assert "INIT_START" not in log


def test_an_image_is_overridden_and_exchanged(server: Server, base: list[bytes]) -> None:
    old = Image(base, Entrypoint=["/runtime"], Cmd=["one"], Env=["VERSION=1"])
    new = Image(base, Entrypoint=["runtime"], Cmd=["two"], Env=["VERSION=2", "PATH=/:/bin"])
    load_image(server, old.docker_archive("exchanged:latest"))
    config = {"EntryPoint": ["/runtime", "first"], "Command": ["second"], "WorkingDirectory": "/usr/bin"}
    name = create_image_function(server, "image-exchanged", "exchanged", ImageConfig=config)
    assert ask(server, name, "pwd; echo $VERSION $_HANDLER") == "/usr/bin\n1 second\n"
    (loaded,) = load_image(server, new.docker_archive(), "exchanged:latest")
    client = server.own_client("lambda")
    assert client.get_function(FunctionName=name)["Configuration"]["CodeSha256"] != loaded["digest"]
    client.update_function_code(FunctionName=name, ImageUri="exchanged:latest")
    server.wait_until_settled(name)
    client.update_function_configuration(FunctionName=name, ImageConfig={})
    server.wait_until_settled(name)
    assert ask(server, name, "pwd; echo $VERSION $_HANDLER") == "/\n2 two\n"


@pytest.mark.parametrize(
    ("settings", "kind", "problem"),
    [
        ({"Entrypoint": ["/missing"]}, "Runtime.InvalidEntrypoint", "fork/exec /missing: no such file or directory"),
        ({"Entrypoint": ["missing"]}, "Runtime.InvalidEntrypoint", 'exec: "missing": executable file not found in $PATH'),
        ({"Entrypoint": ["/file"]}, "Runtime.InvalidEntrypoint", "fork/exec /file: permission denied"),
        ({"Entrypoint": ["/away"]}, "Runtime.InvalidEntrypoint", "fork/exec /away: no such file or directory"),
        ({"Entrypoint": ["/file"], "WorkingDir": "/no"}, "Runtime.InvalidWorkingDir", "chdir /no: no such file or directory"),
        ({}, "Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): []"),
    ],
)
def test_an_image_that_cannot_be_started_says_why(server: Server, settings: dict[str, Any], kind: str, problem: str) -> None:
    # A link to a program of the host is one to nothing: the image is all that there is.
    entries = [Entry(name="file"), link("away", "/var/lang/bin/python3.11"), link("opt", "/usr"), link(".alonzo", "/")]
    image = Image([layer_of(entries)], **settings)
    load_image(server, image.layout(), "broken:1")
    answer = invoke(server, create_image_function(server, f"image-broken-{image.digest[:8]}", "broken:1"))
    assert answer.error == "Unhandled"
    assert answer.value == {"errorType": kind, "errorMessage": f"RequestId: {answer.request_id} Error: {problem}"}


def test_what_is_no_image_is_refused(server: Server) -> None:
    with pytest.raises(HTTPError) as refused:
        load_image(server, Image([layer_of([Entry(name="../../escaped")])]).layout("hostile:1"))
    assert json.load(refused.value) == {"message": "'../../escaped' leaves the image"}
    with pytest.raises(ClientError, match=r"Source image hostile:1 does not exist\. Provide a valid source image\.") as raised:
        create_image_function(server, "image-hostile", "hostile:1")
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"


@pytest.mark.thorough
def test_images_are_listed_and_removed(server: Server, base: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "layout").mkdir()
    archive = Image(base, Entrypoint=["/runtime"]).layout()
    subprocess.run(["tar", "-x", "-C", str(tmp_path / "layout")], input=archive, check=True)
    assert "does not say what it is called" in run_alonzo(server, "image", "load", str(tmp_path / "layout")).stderr
    assert "is not an OCI image layout" in run_alonzo(server, "image", "load", str(tmp_path)).stderr
    assert run_alonzo(server, "image", "load", str(tmp_path / "layout"), "--tag", "listed").stdout.startswith("listed:latest is sha256:")
    name = create_image_function(server, "image-listed", "listed")
    assert "  listed:latest\n" in run_alonzo(server, "image", "list").stdout
    assert "listed:latest is forgotten" in run_alonzo(server, "image", "remove", "listed:latest").stdout
    assert ask(server, name, "echo still there") == "still there\n"
    assert "does not exist" in run_alonzo(server, "image", "remove", "listed:latest").stderr
