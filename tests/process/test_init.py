"""INIT: what lives on between the invocations of an environment, what goes wrong when a function is loaded, and the second try."""

import pytest
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.server import Server

REMEMBERS = """
import os, uuid
ENVIRONMENT = uuid.uuid4().hex
count = 0
print("loaded", ENVIRONMENT)

def handler(event, context):
    global count
    count += 1
    before = os.listdir("/tmp")
    with open(f"/tmp/{count}", "w") as file:
        file.write("x")
    return {"environment": ENVIRONMENT, "count": count, "before": sorted(before), "random": uuid.uuid4().hex}
"""


def test_globals_and_tmp_live_on_and_init_runs_once(server: Server) -> None:
    name = server.deploy("remembers", REMEMBERS)
    first, second, third = (succeed(server, name) for _ in range(3))
    assert first["environment"] == second["environment"] == third["environment"]
    assert [answer["count"] for answer in (first, second, third)] == [1, 2, 3]
    assert [answer["before"] for answer in (first, second, third)] == [[], ["1"], ["1", "2"]]
    assert len({answer["random"] for answer in (first, second, third)}) == 3
    messages = wait_for_log(server, name, "REPORT RequestId", count=3)
    assert [message for message in messages if message.startswith("loaded")] == [f"loaded {first['environment']}\n"]
    assert sum(message.startswith("INIT_START") for message in messages) == 1


def test_the_first_report_alone_has_an_init_duration(server: Server) -> None:
    name = server.deploy("init-duration", "def handler(event, context):\n    return 1\n")
    for _ in range(2):
        succeed(server, name)
    reports = [message for message in wait_for_log(server, name, "REPORT RequestId", count=2) if message.startswith("REPORT")]
    assert ["Init Duration" in report for report in reports] == [True, False]


def test_environments_of_one_function_do_not_share_their_random_state(server: Server) -> None:
    source = "import random, uuid, time\nSEED = [random.random(), uuid.uuid4().hex, random.randbytes(8).hex()]\n"
    source += "def handler(event, context):\n    time.sleep(event)\n    return SEED\n"
    name = server.deploy("random", source, Timeout=20)
    first = succeed(server, name, 0)
    server.client("lambda").update_function_configuration(FunctionName=name, Description="another")
    server.wait_until_settled(name)
    second = succeed(server, name, 0)
    assert not set(first) & set(second)


INIT_ERRORS = {
    "import-error": (
        "import no_such_module\ndef handler(event, context): pass\n",
        "app.handler",
        {
            "errorMessage": "Unable to import module 'app': No module named 'no_such_module'",
            "errorType": "Runtime.ImportModuleError",
            "requestId": "",
            "stackTrace": [],
        },
    ),
    "missing-module": (
        "def handler(event, context): pass\n",
        "other.handler",
        {
            "errorMessage": "Unable to import module 'other': No module named 'other'",
            "errorType": "Runtime.ImportModuleError",
            "requestId": "",
            "stackTrace": [],
        },
    ),
    "syntax-error": (
        "x = 1\ndef handler(event, context) return 1\n",
        "app.handler",
        {
            "errorMessage": "Syntax error in module 'app': expected ':' (app.py, line 2)",
            "errorType": "Runtime.UserCodeSyntaxError",
            "requestId": "",
            "stackTrace": ['  File "/var/task/app.py" Line 2\n    def handler(event, context) return 1\n'],
        },
    ),
    "missing-handler": (
        "x = 1\n",
        "app.handler",
        {
            "errorMessage": "Handler 'handler' missing on module 'app'",
            "errorType": "Runtime.HandlerNotFound",
            "requestId": "",
            "stackTrace": [],
        },
    ),
    "malformed-handler": (
        "def handler(event, context): pass\n",
        "handler",
        {
            "errorMessage": "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
            "errorType": "Runtime.MalformedHandlerName",
            "requestId": "",
            "stackTrace": [],
        },
    ),
    "builtin-module": (
        "def handler(event, context): pass\n",
        "sys.handler",
        {
            "errorMessage": "Cannot use built-in module sys as a handler module",
            "errorType": "Runtime.BuiltInModuleConflict",
            "requestId": "",
            "stackTrace": [],
        },
    ),
}


@pytest.mark.parametrize("case", INIT_ERRORS)
def test_what_cannot_be_loaded_is_answered_as_the_runtime_reports_it(server: Server, case: str) -> None:
    source, handler, expected = INIT_ERRORS[case]
    name = server.deploy(case, source, Handler=handler)
    answer = invoke(server, name)
    assert answer.error == "Unhandled"
    assert answer.value == expected


def test_an_exception_while_loading_has_its_stack_trace(server: Server) -> None:
    name = server.deploy("raises-while-loading", "def load():\n    raise ValueError('no weather')\nload()\n")
    value = invoke(server, name).value
    assert (value["errorMessage"], value["errorType"], value["requestId"]) == ("no weather", "ValueError", "")
    assert value["stackTrace"][-1] == "  File \"/var/task/app.py\", line 2, in load\n    raise ValueError('no weather')\n"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("sys.exit('words')", "Runtime exited with error: exit status 1"),
        ("os._exit(9)", "Runtime exited with error: exit status 9"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_exiting_while_loading_is_an_exit_error(server: Server, statement: str, message: str) -> None:
    name = server.deploy("exits-" + "".join(filter(str.isalnum, statement)), f"import os, sys\n{statement}\n")
    answer = invoke(server, name)
    assert answer.error == "Unhandled"
    assert answer.value == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {answer.request_id} Error: {message}"}


def test_init_that_fails_is_tried_again_within_the_invocation(server: Server) -> None:
    name = server.deploy("fails-while-loading", "print('loading')\nraise ValueError('no weather')\n")
    answer = invoke(server, name, LogType="Tail")
    messages = wait_for_log(server, name, "REPORT RequestId:")
    assert [message for message in messages if message.startswith("loading")] == ["loading\n"] * 2
    phases = [message.split("\t")[1] for message in messages if message.startswith("INIT_REPORT")]
    assert phases == ["Phase: init", "Phase: invoke"]
    assert "loading\n" in answer.log_tail
    assert f"START RequestId: {answer.request_id} Version: $LATEST\n" in answer.log_tail
    assert "Error Type: ValueError" in answer.log_tail


def test_a_function_that_loads_at_the_second_try_runs(server: Server) -> None:
    counter = server.deploy("tries", "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n")
    source = (
        "import boto3\n"
        f"tries = int(boto3.client('lambda').invoke(FunctionName='{counter}')['Payload'].read())\n"
        "if tries == 1:\n    raise ValueError('not yet')\n"
        "def handler(event, context):\n    return tries\n"
    )
    name = server.deploy("loads-at-the-second-try", source, Timeout=20, MemorySize=1024)
    assert succeed(server, name) == 2
    assert succeed(server, name) == 2
    report = wait_for_log(server, name, "REPORT RequestId:", count=2)
    assert sum(message.startswith("INIT_REPORT") for message in report) == 1


def test_the_next_invocation_tries_to_load_anew(server: Server) -> None:
    name = server.deploy("never-loads", "raise ValueError('no weather')\n")
    assert [invoke(server, name).value["errorType"] for _ in range(2)] == ["ValueError"] * 2


def test_init_counts_as_time_of_the_invocation_at_the_second_try(server: Server) -> None:
    counter = server.deploy("slow-tries", "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n")
    source = (
        "import boto3, time\n"
        f"tries = int(boto3.client('lambda').invoke(FunctionName='{counter}')['Payload'].read())\n"
        "if tries == 1:\n    raise ValueError('not yet')\n"
        "while True:\n    time.sleep(1)\n"
    )
    name = server.deploy("hangs-at-the-second-try", source, Timeout=3, MemorySize=1024)
    answer = invoke(server, name)
    assert answer.value == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 3.00 seconds",
    }


def test_the_time_of_the_second_try_is_taken_from_the_invocations(server: Server) -> None:
    counter = server.deploy("more-tries", "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n")
    source = (
        "import boto3, time\n"
        f"tries = int(boto3.client('lambda').invoke(FunctionName='{counter}')['Payload'].read())\n"
        "if tries == 1:\n    raise ValueError('not yet')\n"
        "def handler(event, context):\n    time.sleep(60)\n"
    )
    name = server.deploy("hangs-after-the-second-try", source, Timeout=3, MemorySize=1024)
    answer = invoke(server, name)
    expected = f"RequestId: {answer.request_id} Error: Task timed out after 3.00 seconds"
    assert answer.value == {"errorType": "Sandbox.Timedout", "errorMessage": expected}


def test_the_time_of_the_second_try_is_time_of_the_invocation(server: Server) -> None:
    counter = server.deploy("other-tries", "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n")
    source = (
        "import boto3, time\n"
        f"tries = int(boto3.client('lambda').invoke(FunctionName='{counter}')['Payload'].read())\n"
        "if tries == 1:\n    raise ValueError('not yet')\n"
        "time.sleep(0.5)\n"
        "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"
    )
    name = server.deploy("slow-at-the-second-try", source, Timeout=20, MemorySize=1024)
    assert succeed(server, name) <= 19_500
    report = next(message for message in wait_for_log(server, name, "REPORT RequestId:") if message.startswith("REPORT RequestId"))
    assert float(report.partition("\tDuration: ")[2].partition(" ms")[0]) >= 500
    assert "Init Duration" not in report
