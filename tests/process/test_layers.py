"""Layers in environments: what functions see at /opt."""

import re
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.invoking import succeed
from tests.support.server import Server, zip_of

MODULE = "python/layered.py"

SOURCE = """
import layered, os, subprocess

def handler(event, context):
    return {
        "module": layered.NAME,
        "file": layered.__file__,
        "program": subprocess.run(["said"], capture_output=True, text=True, check=True).stdout,
        "seen": sorted(os.listdir(os.path.dirname(os.path.dirname(layered.__file__)))),
    }
"""

LOWER: dict[str, str | bytes] = {MODULE: "NAME = 'lower'\n", "bin/said": "#!/bin/sh\necho lower\n", "only-lower": ""}
UPPER: dict[str, str | bytes] = {MODULE: "NAME = 'upper'\n", "data/upper": ""}


def publish(server: Server, name: str, files: dict[str, str | bytes]) -> str:
    answer = server.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": zip_of(files)})
    arn: str = answer["LayerVersionArn"]
    return arn


def shared_library() -> bytes:
    """The machine's own libz, as this process has it loaded."""
    assert zlib.ZLIB_RUNTIME_VERSION
    maps = Path("/proc/self/maps").read_text()
    return Path(re.findall(r"\S*/libz\.so\S*", maps)[0]).read_bytes()


def delete(server: Server, arn: str) -> None:
    server.client("lambda").delete_layer_version(LayerName=arn.rpartition(":")[0], VersionNumber=int(arn.rpartition(":")[2]))


def expected(module: str, *seen: str) -> dict[str, Any]:
    return {"module": module, "file": f"/opt/{MODULE}", "program": "lower\n", "seen": sorted(seen)}


def test_later_layers_are_over_earlier_ones(server: Server) -> None:
    lower, upper = publish(server, "lower", LOWER), publish(server, "upper", UPPER)
    server.deploy("one", SOURCE, Layers=[lower])
    server.deploy("two", SOURCE, Layers=[lower, upper])
    server.deploy("reversed", SOURCE, Layers=[upper, lower])
    assert succeed(server, "one") == expected("lower", "bin", "only-lower", "python")
    assert succeed(server, "two") == expected("upper", "bin", "data", "only-lower", "python")
    assert succeed(server, "reversed") == expected("lower", "bin", "data", "only-lower", "python")


def test_without_layers_there_is_nothing(server: Server) -> None:
    server.deploy("layerless", "import os\ndef handler(event, context):\n    return os.listdir('/opt')\n")
    assert succeed(server, "layerless") == []


def test_packages_in_site_packages_of_the_layer_are_found(server: Server) -> None:
    layer = publish(server, "site", {"python/lib/python3.11/site-packages/sited/__init__.py": "NAME = 'site'\n", MODULE: "NAME = 1\n"})
    source = "import sited, sys\ndef handler(event, context):\n    return sited.NAME, [path for path in sys.path if '/opt' in path]\n"
    server.deploy("sited", source, Layers=[layer])
    assert succeed(server, "sited") == ["site", ["/opt/python/lib/python3.11/site-packages", "/opt/python"]]


def test_shared_libraries_of_layers_are_found(server: Server) -> None:
    layer = publish(server, "libraries", {"lib/libmine.so": shared_library()})
    source = """
import ctypes, os, sys
zlib = ctypes.CDLL("libmine.so")
zlib.zlibVersion.restype = ctypes.c_char_p

def handler(event, context):
    return zlib.zlibVersion().decode(), os.environ["LD_LIBRARY_PATH"].split(":")[-1], event
"""
    server.deploy("linked", source, Layers=[layer])
    assert [succeed(server, "linked", number)[1:] for number in range(2)] == [["/opt/lib", 0], ["/opt/lib", 1]]


def test_the_code_of_the_function_comes_before_layers(server: Server) -> None:
    layer = publish(server, "shadowed", {"python/own.py": "NAME = 'layer'\n"})
    client = server.client("lambda")
    source = "import own\ndef handler(event, context):\n    return own.NAME\n"
    files: dict[str, str | bytes] = {"own.py": "NAME = 'own'\n", "app.py": source}
    server.deploy("shadowing", "", Layers=[layer])
    client.update_function_code(FunctionName="shadowing", ZipFile=zip_of(files))
    server.wait_until_settled("shadowing")
    assert succeed(server, "shadowing") == "own"


def test_layers_are_read_only(server: Server) -> None:
    source = """
import errno

def handler(event, context):
    refused = []
    for path in ("/opt/new", "/opt/python/layered.py", "/opt/python/new"):
        try:
            open(path, "w")
        except OSError as error:
            refused.append(errno.errorcode[error.errno])
    return refused
"""
    layers = [publish(server, "fixed", LOWER), publish(server, "fixed-too", UPPER)]
    server.deploy("writer", source, Layers=layers)
    assert succeed(server, "writer") == ["EROFS"] * 3


def test_a_layer_may_bring_the_runtime(server: Server) -> None:
    assert shutil.which("curl"), "curl is what the script of this test speaks HTTP with: install it"
    script = """#!/bin/sh
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  curl -sS -D /tmp/head -o /dev/null "$API/invocation/next"
  ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id /tmp/head | tr -d '[:space:]' | cut -d: -f2)
  curl -sS -o /dev/null "$API/invocation/$ID/response" -d "\\"$0\\""
done
"""
    layer = publish(server, "runtime", {"bootstrap": script})
    server.deploy("custom", "", Runtime="provided.al2023", Layers=[layer])
    assert succeed(server, "custom") == "/opt/bootstrap"


def test_other_layers_are_there_after_an_update(server: Server) -> None:
    layers = [publish(server, "changing", {MODULE: f"NAME = {number}\n"}) for number in range(2)]
    server.deploy("changed", "import layered\ndef handler(event, context):\n    return layered.NAME\n", Layers=layers[:1])
    assert succeed(server, "changed") == 0
    server.client("lambda").update_function_configuration(FunctionName="changed", Layers=layers[1:])
    server.wait_until_settled("changed")
    assert succeed(server, "changed") == 1


def test_a_function_goes_on_with_layers_that_are_deleted(start_server: StartServer) -> None:
    with start_server() as first:
        layers = [publish(first, "lower", LOWER), publish(first, "upper", UPPER)]
        first.deploy("survivor", SOURCE, Layers=layers)
        before = succeed(first, "survivor")
        for arn in layers:
            delete(first, arn)
        assert succeed(first, "survivor") == before
        first.client("lambda").update_function_configuration(FunctionName="survivor", Timeout=10)  # a new environment
        first.wait_until_settled("survivor")
        assert succeed(first, "survivor") == before
    code = first.data_directory / "code"
    (code / "boot-id").write_text("another boot")  # everything is made anew of what the store has
    second = start_server()
    assert succeed(second, "survivor") == before == expected("upper", "bin", "data", "only-lower", "python")
    assert publish(second, "lower", LOWER).endswith(":layer:lower:2")


@pytest.mark.parametrize("own_path", [False, True])
def test_without_isolation_layers_are_found_where_they_lie(start_server: StartServer, own_path: bool) -> None:
    server = start_server("--isolation", "process")
    layers = [publish(server, "lower", LOWER), publish(server, "upper", UPPER)]
    variables = {"Environment": {"Variables": {"PYTHONPATH": "/nowhere"}}} if own_path else {}
    server.deploy("process", SOURCE, Layers=layers, **variables)
    answer = succeed(server, "process")
    assert answer.pop("file").startswith(str(server.data_directory / "code"))
    assert answer == {"module": "upper", "program": "lower\n", "seen": ["bin", "data", "only-lower", "python"]}
