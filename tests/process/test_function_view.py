"""What code of a function sees: its variables, its context, its files, its trace; compared with what was recorded on AWS."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.invoking import invoke, succeed
from tests.support.recorded import pattern_of
from tests.support.server import ROLE, Server, zip_of

RECORDED = json.loads((Path(__file__).parent / "recorded" / "introspection.json").read_text())

INTROSPECTION = """
import os, sys

def handler(event, context):
    return {
        "environment": dict(os.environ),
        "ctx": {
            "function_name": context.function_name,
            "function_version": context.function_version,
            "invoked_function_arn": context.invoked_function_arn,
            "memory_limit_in_mb": context.memory_limit_in_mb,
            "aws_request_id": context.aws_request_id,
            "log_group_name": context.log_group_name,
            "log_stream_name": context.log_stream_name,
            "remaining_time_in_millis": context.get_remaining_time_in_millis(),
        },
        "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
        "client_context": context.client_context and [
            {name: getattr(context.client_context.client, name) for name in context.client_context.client.__slots__},
            context.client_context.custom,
            context.client_context.env,
        ],
        "directory": os.getcwd(),
        "argv": sys.argv,
        "path": sys.path,
        "user": [os.getuid(), os.getgid()],
        "main": sys.modules["__main__"].__name__,
        "prefix": sys.prefix,
        "hostname": os.uname().nodename,
    }
"""

THREADS_AND_PROCESSES = """
import concurrent.futures, multiprocessing, os, random, threading

def numbers():
    return [random.getrandbits(64) for _ in range(2)]

def handler(event, context):
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        squares = list(threads.map(lambda number: number * number, range(10)))
    read, write = os.pipe()
    if os.fork() == 0:
        thread = threading.Thread(target=lambda: os.write(write, b"%d" % threading.get_native_id()))
        thread.start()
        thread.join()
        os._exit(0)
    of_child = int(os.read(read, 100))
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=lambda: theirs.send(numbers()))
    process.start()
    of_process = ours.recv()
    process.join()
    main = threading.main_thread()
    return {
        "squares": squares,
        "main": [main is threading.current_thread(), main.native_id == threading.get_native_id(), main.native_id == os.getpid()],
        "child has an id of its own": of_child not in (os.getpid(), main.native_id),
        "ended": process.exitcode,
        "random apart": not set(of_process) & set(numbers()),
        "threads": threading.active_count(),
    }
"""

DIFFERS = {
    "AWS_LAMBDA_RUNTIME_API": r"127\.0\.0\.1:[0-9]+",
    "AWS_XRAY_DAEMON_ADDRESS": r"127\.0\.0\.1:[0-9]{2,5}",
    "_AWS_XRAY_DAEMON_ADDRESS": r"127\.0\.0\.1",
    "_AWS_XRAY_DAEMON_PORT": r"[0-9]{2,5}",
}
"""Where Alonzo's services are is not where AWS's are."""
ADDED = {"AWS_ENDPOINT_URL"}
"""docs/differences.md"""


def test_threads_and_processes_of_a_function_are_its_own(server: Server) -> None:
    name = server.deploy("threads", THREADS_AND_PROCESSES, Timeout=30)
    assert succeed(server, name) == {
        "squares": [number * number for number in range(10)],
        "main": [True, True, True],
        "child has an id of its own": True,
        "ended": 0,
        "random apart": True,
        "threads": 1,
    }


@pytest.mark.parametrize("runtime", sorted(RECORDED))
def test_variables_and_context_are_those_recorded_on_aws(server: Server, runtime: str) -> None:
    recorded = RECORDED[runtime]
    name = server.deploy(
        "introspection-" + runtime.replace(".", "-"),
        INTROSPECTION,
        Runtime=runtime,
        Handler="app.handler",
        MemorySize=1024,
        Environment={"Variables": {"TEST_KEY": "TEST_VAL"}},
    )
    seen = succeed(server, name, {"simple": "payload"})
    expected = recorded["environment"] | {"_HANDLER": "app.handler"}
    assert set(expected) - set(seen["environment"]) == set()
    assert set(seen["environment"]) - set(expected) == ADDED
    wrong = {
        key: (value, seen["environment"][key])
        for key, value in expected.items()
        if not re.fullmatch(DIFFERS.get(key) or pattern_of(value, name), seen["environment"][key])
    }
    assert wrong == {}
    for key, value in recorded["ctx"].items():
        assert re.fullmatch(pattern_of(value, name), str(seen["ctx"][key])), key
    assert seen["ctx"]["log_stream_name"] == seen["environment"]["AWS_LAMBDA_LOG_STREAM_NAME"]


@pytest.fixture(scope="module")
def introspection(server: Server) -> str:
    """A function that tells what it sees."""
    return server.deploy("introspection", INTROSPECTION, Timeout=7)


def test_the_directory_the_user_and_the_path_are_those_of_aws(server: Server, introspection: str) -> None:
    seen = succeed(server, introspection)
    assert seen["directory"] == "/var/task"
    assert seen["user"] == [993, 990]
    assert seen["path"][:4] == ["/var/task", "/opt/python/lib/python3.11/site-packages", "/opt/python", "/var/runtime"]
    assert "/var/lang/lib/python3.11" in seen["path"]


def test_the_request_id_is_the_one_in_the_answer(server: Server, introspection: str) -> None:
    answer = invoke(server, introspection)
    assert answer.value["ctx"]["aws_request_id"] == answer.request_id


def test_the_remaining_time_follows_the_timeout(server: Server, introspection: str) -> None:
    assert 5_000 < succeed(server, introspection)["ctx"]["remaining_time_in_millis"] <= 7_000


@pytest.mark.parametrize(
    ("form", "arn"),
    [
        ("{name}", "{arn}"),
        ("{name}:$LATEST", "{arn}:$LATEST"),
        ("000000000000:function:{name}", "{arn}"),
        ("{arn}", "{arn}"),
        ("{arn}:$LATEST", "{arn}:$LATEST"),
    ],
)
def test_the_invoked_arn_is_as_qualified_as_the_request(server: Server, introspection: str, form: str, arn: str) -> None:
    values = {"name": introspection, "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{introspection}"}
    assert succeed(server, form.format(**values))["ctx"]["invoked_function_arn"] == arn.format(**values)


def test_a_qualifier_beside_the_name_counts_too(server: Server, introspection: str) -> None:
    answer = invoke(server, introspection, Qualifier="$LATEST")
    assert answer.value["ctx"]["invoked_function_arn"].endswith(f":{introspection}:$LATEST")
    assert answer.headers["x-amz-executed-version"] == "$LATEST"


def test_there_is_no_identity_and_no_client_context_unless_sent(server: Server, introspection: str) -> None:
    seen = succeed(server, introspection)
    assert seen["identity"] == [None, None]
    assert seen["client_context"] is None


def test_a_client_context_arrives(server: Server, introspection: str) -> None:
    client = {"installation_id": "i", "app_title": "täglich", "app_version_name": "1", "app_version_code": "2", "app_package_name": "p"}
    given: dict[str, Any] = {"client": client, "custom": {"key": "☔"}, "env": {"locale": "de"}}
    header = base64.b64encode(json.dumps(given, ensure_ascii=False).encode()).decode()
    assert succeed(server, introspection, ClientContext=header)["client_context"] == [client, {"key": "☔"}, {"locale": "de"}]


def test_the_trace_header_of_the_client_arrives(server: Server, introspection: str) -> None:
    """What is added to it is how often the function was invoked in this chain before."""
    given = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    client = server.client("lambda")
    client.meta.events.register("before-sign.lambda.Invoke", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", given))
    answer = client.invoke(FunctionName=introspection)
    assert json.load(answer["Payload"])["environment"]["_X_AMZN_TRACE_ID"] == answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"]
    assert re.fullmatch(rf"{given};Lineage=[0-9a-f]{{8}}:0", answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"])


def test_every_invocation_has_a_trace_of_its_own(server: Server, introspection: str) -> None:
    assert len({succeed(server, introspection)["environment"]["_X_AMZN_TRACE_ID"] for _ in range(3)}) == 3


def test_a_function_cannot_see_what_the_server_was_started_with(server: Server, introspection: str) -> None:
    seen = succeed(server, introspection)
    assert seen["hostname"] == "sandbox"
    assert not {"HOME", "USER", "PYTEST_CURRENT_TEST", "VIRTUAL_ENV"} & set(seen["environment"])


def test_an_exec_wrapper_is_honoured(server: Server) -> None:
    """Recorded on AWS: test_runtime_wrapper_invoke; the wrapper sets variables and executes what it is given."""
    wrapper = '#!/bin/bash\nexport WRAPPER_VAR="test"\nexec "$@"\n'
    files: dict[str, str | bytes] = {"app.py": INTROSPECTION, "environment_wrapper": wrapper}
    client = server.client("lambda")
    client.create_function(
        FunctionName="wrapped",
        Runtime="python3.12",
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": zip_of(files)},
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/environment_wrapper"}},
    )
    server.wait_until_settled("wrapped")
    assert succeed(server, "wrapped")["environment"]["WRAPPER_VAR"] == "test"
