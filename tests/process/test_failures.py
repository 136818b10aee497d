"""What goes wrong inside an invocation: timeouts, exits, signals, exceptions, results that are none."""

import json
import traceback

import pytest
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.server import Server

REMEMBERS = """
import ctypes, os, signal, sys, threading, time, uuid
ENVIRONMENT = uuid.uuid4().hex

class Refused(Exception):
    pass

def handler(event, context):
    if event.get("run"):
        exec(event["run"])
    return ENVIRONMENT
"""

RAISES = """
class NoWeather(Exception):
    pass

def inner(text):
    raise NoWeather(text)

def handler(event, context):
    inner(event)
"""


@pytest.fixture(scope="module")
def remembers(server: Server) -> str:
    """Runs what the event says; returns a name of its environment."""
    return server.deploy("runs", REMEMBERS, MemorySize=256)


@pytest.fixture(scope="module")
def impatient(server: Server) -> str:
    """The same with a timeout of a second."""
    return server.deploy("runs-out", REMEMBERS, Timeout=1, MemorySize=256)


def test_a_timeout_is_told_and_replaces_the_environment(server: Server, impatient: str) -> None:
    before = succeed(server, impatient, {})
    answer = invoke(server, impatient, {"run": "open('/tmp/trace', 'w').close(); time.sleep(60)"}, LogType="Tail")
    message = "Task timed out after 1.00 seconds"
    assert answer.error == "Unhandled"
    assert answer.value == {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {answer.request_id} Error: {message}"}
    assert f" {answer.request_id} {message}\n" in answer.log_tail
    assert "Duration: 1000.00 ms\tBilled Duration: 1" in answer.log_tail
    assert "Status: timeout" in answer.log_tail
    assert succeed(server, impatient, {}) != before
    assert invoke(server, impatient, {"run": "assert not os.path.exists('/tmp/trace')"}).error is None


def test_a_timeout_reaches_a_function_that_ignores_every_signal(server: Server, impatient: str) -> None:
    ignore = "for number in {1, 2, 10, 12, 14, 15}:\n    signal.signal(number, signal.SIG_IGN)\n"
    stubborn = ignore + "while True:\n    pass"
    assert invoke(server, impatient, {"run": stubborn}).value["errorType"] == "Sandbox.Timedout"
    assert succeed(server, impatient, {})


EXITS = {
    "os._exit(0)": "Runtime exited without providing a reason",
    "os._exit(1)": "Runtime exited with error: exit status 1",
    "os._exit(255)": "Runtime exited with error: exit status 255",
    "sys.exit()": "Runtime exited without providing a reason",
    "sys.exit(42)": "Runtime exited with error: exit status 42",
    "sys.exit('a reason')": "Runtime exited with error: exit status 1",
    "raise KeyboardInterrupt": "Runtime exited with error: exit status 1",
    "os.kill(os.getpid(), signal.SIGKILL)": "Runtime exited with error: signal: killed",
    "os.kill(os.getpid(), signal.SIGTERM)": "Runtime exited with error: signal: terminated",
    "os.kill(os.getpid(), signal.SIGHUP)": "Runtime exited with error: signal: hangup",
    "os.abort()": "Runtime exited with error: signal: aborted",
    "ctypes.string_at(0)": "Runtime exited with error: signal: segmentation fault",
    "os.kill(os.getpid(), signal.SIGUSR1)": "Runtime exited with error: signal: user defined signal 1",
    "os.kill(os.getpid(), signal.SIGBUS)": "Runtime exited with error: signal: bus error",
    "os.kill(os.getpid(), signal.SIGFPE)": "Runtime exited with error: signal: floating point exception",
}
"""How Go, in which AWS's platform is written, words exits and signals (os.ProcessState.String, syscall/zerrors_linux_amd64.go)."""


@pytest.mark.parametrize("statement", EXITS)
def test_an_exit_is_told_and_replaces_the_environment(server: Server, remembers: str, statement: str) -> None:
    before = succeed(server, remembers, {})
    answer = invoke(server, remembers, {"run": statement}, LogType="Tail")
    message = EXITS[statement]
    assert answer.error == "Unhandled"
    assert answer.value == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {answer.request_id} Error: {message}"}
    assert f"RequestId: {answer.request_id} Error: {message}\n" in answer.log_tail
    assert "Status: error\tError Type: Runtime.ExitError" in answer.log_tail
    assert succeed(server, remembers, {}) != before


def test_an_exit_from_a_thread_ends_that_thread_alone(server: Server, remembers: str) -> None:
    before = succeed(server, remembers, {})
    assert succeed(server, remembers, {"run": "thread = threading.Thread(target=sys.exit); thread.start(); thread.join()"}) == before


def test_a_raised_exception_keeps_the_environment(server: Server, remembers: str) -> None:
    before = succeed(server, remembers, {})
    answer = invoke(server, remembers, {"run": "raise Refused('no')"})
    assert (answer.error, answer.value["errorType"], answer.value["errorMessage"]) == ("Unhandled", "Refused", "no")
    assert succeed(server, remembers, {}) == before


def test_an_exception_is_described_as_the_runtime_client_describes_it(server: Server) -> None:
    name = server.deploy("raises", RAISES)
    answer = invoke(server, name, "rain & snow: ☔", LogType="Tail")
    frames = [("/var/task/app.py", 9, "handler", "inner(event)"), ("/var/task/app.py", 6, "inner", "raise NoWeather(text)")]
    expected = {
        "errorMessage": "rain & snow: ☔",
        "errorType": "NoWeather",
        "requestId": answer.request_id,
        "stackTrace": traceback.format_list(frames),
    }
    assert answer.error == "Unhandled"
    assert answer.payload == json.dumps(expected).encode()
    lines = ["[ERROR] NoWeather: rain & snow: ☔", "Traceback (most recent call last):"]
    lines += ['\u00a0\u00a0File "/var/task/app.py", line 9, in handler', "\u00a0\u00a0\u00a0\u00a0inner(event)"]
    assert "\n".join(lines) in answer.log_tail


def test_messages_of_exceptions_may_be_empty_long_or_odd(server: Server, remembers: str) -> None:
    for text in ("", "x" * 100_000, "two\nlines\r\nand\x00controls", "𝄞 astral"):
        answer = invoke(server, remembers, {"run": f"raise Refused({text!r})"})
        assert answer.error == "Unhandled"
        assert answer.value["errorMessage"] == text


def test_a_message_that_is_no_text_ends_the_runtime_as_on_aws(server: Server, remembers: str) -> None:
    """`awslambdaric` encodes the message for the log outside of everything that it guards."""
    answer = invoke(server, remembers, {"run": "raise Refused('\\ud800')"})
    assert answer.value["errorType"] == "Runtime.ExitError"


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("{1, 2}", "Object of type set is not JSON serializable"),
        ("object", "Object of type type is not JSON serializable"),
        ("{(1, 2): 3}", "keys must be str, int, float, bool or None, not tuple"),
    ],
)
def test_a_result_that_is_no_json_is_a_marshal_error(server: Server, result: str, message: str) -> None:
    name = server.deploy("marshals-" + "".join(filter(str.isalnum, result)), f"def handler(event, context):\n    return {result}\n")
    answer = invoke(server, name)
    assert answer.error == "Unhandled"
    assert answer.value == {
        "errorMessage": f"Unable to marshal response: {message}",
        "errorType": "Runtime.MarshalError",
        "requestId": answer.request_id,
        "stackTrace": [],
    }


def test_children_left_behind_do_not_hold_up_the_answer_or_outlive_the_environment(server: Server, remembers: str) -> None:
    run = "import subprocess; subprocess.Popen(['sleep', '1000'])"
    before = succeed(server, remembers, {"run": run})
    assert succeed(server, remembers, {}) == before
    assert invoke(server, remembers, {"run": f"{run}; os._exit(7)"}).value["errorMessage"].endswith("exit status 7")


def test_out_of_memory_is_told(server: Server) -> None:
    name = server.deploy("hungry", "def handler(event, context):\n    return len(bytearray(event << 20))\n", Timeout=20)
    answer = invoke(server, name, 512, LogType="Tail")
    assert answer.error == "Unhandled"
    assert answer.value == {
        "errorType": "Runtime.OutOfMemory",
        "errorMessage": f"RequestId: {answer.request_id} Error: Runtime exited with error: signal: killed",
    }
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in answer.log_tail
    assert succeed(server, name, 1) == 1 << 20


def test_a_failed_invocation_is_in_the_log_with_its_lines(server: Server) -> None:
    source = "import os\ndef handler(event, context):\n    print('last words')\n    os._exit(3)\n"
    name = server.deploy("last-words", source)
    answer = invoke(server, name)
    messages = wait_for_log(server, name, "REPORT RequestId")
    assert messages[1:4] == [
        f"START RequestId: {answer.request_id} Version: $LATEST\n",
        "last words\n",
        f"RequestId: {answer.request_id} Error: Runtime exited with error: exit status 3\n",
    ]
    assert messages[4] == f"END RequestId: {answer.request_id}\n"
    assert messages[5].startswith(f"REPORT RequestId: {answer.request_id}\tDuration: ")
