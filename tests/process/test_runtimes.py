"""Python runtimes on the interpreters that this machine has: each on its own, missing ones on the nearest, or refused."""

import json
import re
import subprocess

import pytest
from tests.conftest import StartServer
from tests.support.invoking import succeed, wait_for_log
from tests.support.server import ALONZO, ROLE, Server, zip_of

RUNTIMES = [f"python3.{minor}" for minor in range(9, 15)]

TELLS_VERSION = """
import platform, ssl, sqlite3, ctypes, hashlib, zlib

def handler(event, context):
    return {"version": platform.python_version(), "digest": hashlib.sha256(b"x").hexdigest()[:4]}
"""


@pytest.fixture(scope="module")
def interpreters(server: Server) -> dict[str, bool]:
    """Which runtimes have an interpreter of their own here, as `alonzo doctor` says."""
    done = subprocess.run([ALONZO, "doctor", "--port", "0"], capture_output=True, text=True, check=False)
    found = re.findall(r"^(ok|limited|MISSING) +runtime (python3\.\d+)", done.stdout, re.MULTILINE)
    return {name: mark == "ok" for mark, name in found}


def test_doctor_knows_every_runtime(interpreters: dict[str, bool]) -> None:
    assert sorted(interpreters) == sorted(RUNTIMES)
    assert any(interpreters.values())


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_each_runtime_runs(server: Server, interpreters: dict[str, bool], runtime: str) -> None:
    name = server.deploy(runtime.replace(".", "-"), TELLS_VERSION, Runtime=runtime)
    answer = succeed(server, name)
    messages = wait_for_log(server, name, "REPORT RequestId")
    warnings = [message for message in messages if message.startswith("[alonzo]")]
    if interpreters[runtime]:
        assert answer["version"].startswith(runtime.removeprefix("python") + ".")
        assert warnings == []
    else:
        assert warnings == [messages[0]]
        assert re.fullmatch(
            rf"\[alonzo\] {runtime} is not installed on this machine: running on Python 3\.\S+ \(\S+\) instead\n", messages[0]
        )
        assert answer["version"] in messages[0]
    assert f"Runtime Version: python:{runtime.removeprefix('python')}.v" in "".join(messages)


@pytest.mark.parametrize("runtime", [runtime for runtime in RUNTIMES if runtime != "python3.9"])
def test_each_runtime_has_boto3_and_the_runtime_client(server: Server, runtime: str) -> None:
    source = "import json, boto3, botocore, urllib3, awslambdaric\ndef handler(event, context):\n    return boto3.__version__\n"
    name = server.deploy("boto3-" + runtime.replace(".", "-"), source, Runtime=runtime, MemorySize=1024)
    assert succeed(server, name)


def test_strict_runtimes_refuses_what_the_machine_lacks(start_server: StartServer, interpreters: dict[str, bool]) -> None:
    server = start_server("--strict-runtimes")
    client = server.client("lambda")
    for runtime in RUNTIMES:
        name = runtime.replace(".", "-")
        code = {"ZipFile": zip_of({"app.py": TELLS_VERSION})}
        client.create_function(FunctionName=name, Runtime=runtime, Handler="app.handler", Role=ROLE, Code=code)
        if interpreters[runtime]:
            server.wait_until_settled(name)
            assert succeed(server, name)["version"].startswith(runtime.removeprefix("python"))
            continue
        with pytest.raises(Exception, match='"Failed"'):
            server.wait_until_settled(name)
        configuration = client.get_function_configuration(FunctionName=name)
        assert configuration["State"] == "Failed"
        assert configuration["StateReasonCode"] == "InvalidRuntime"
        expected = rf"{runtime} needs Python {runtime.removeprefix('python')}, and this machine has only .*start without --strict-runtimes"
        assert re.match(expected, configuration["StateReason"])


def test_an_update_to_a_runtime_that_is_refused_leaves_the_function_working(
    start_server: StartServer, interpreters: dict[str, bool]
) -> None:
    """Of an update that failed AWS says: the function keeps running on what it was before."""
    server = start_server("--strict-runtimes")
    own = next(runtime for runtime in RUNTIMES if interpreters[runtime])
    name = server.deploy("updated", TELLS_VERSION, Runtime=own)
    server.client("lambda").update_function_configuration(FunctionName=name, Runtime="java8.al2")
    with pytest.raises(Exception, match='"Failed"'):
        server.wait_until_settled(name)
    configuration = server.client("lambda").get_function_configuration(FunctionName=name)
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Failed")
    assert configuration["LastUpdateStatusReason"].startswith("java8.al2 needs Java")
    assert succeed(server, name)["version"].startswith(own.removeprefix("python"))


def test_warnings_are_not_in_the_way_of_json_logs(server: Server, interpreters: dict[str, bool]) -> None:
    name = server.deploy("json-warning", TELLS_VERSION, Runtime="python3.14", LoggingConfig={"LogFormat": "JSON"})
    succeed(server, name)
    messages = wait_for_log(server, name, "platform.report")
    kinds = [json.loads(message)["type"] for message in messages]
    warnings = [] if interpreters["python3.14"] else ["alonzo.notice"]
    assert kinds == [*warnings, "platform.initStart", "platform.start", "platform.report"]
