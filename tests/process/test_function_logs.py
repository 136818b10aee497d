"""What ends up in a function's log, in which order, as which events; in the text and in the JSON format."""

import json
import re
from typing import Any

import pytest
from tests.support.invoking import invoke, read_log, succeed, wait_for_log
from tests.support.server import Server
from tests.support.waiting import eventually

MIXED = """
import logging, os, sys
logger = logging.getLogger()
logger.setLevel(logging.INFO)
print("loading")

def handler(event, context):
    print("printed 1")
    logger.info("logged 1")
    print("to stderr", file=sys.stderr)
    logger.warning("logged\\nin two lines")
    os.write(1, b"written past Python\\n")
    print("printed 2")
    logger.error("logged 3")
    os.system("echo from a child")
"""

LEVELS = """
import logging
logger = logging.getLogger("weather")

def handler(event, context):
    print("printed")
    logger.debug("fine")
    logger.info("rain %s", "☔", extra={"millimetres": 3})
    logger.warning("storm")
    try:
        raise ValueError("no sun")
    except ValueError:
        logger.exception("caught")
    if event:
        raise KeyError("uncaught")
"""

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_lines_come_in_the_order_in_which_they_were_written(server: Server) -> None:
    name = server.deploy("mixed", MIXED)
    request_id = invoke(server, name).request_id
    messages = wait_for_log(server, name, "REPORT RequestId")
    expected = [
        r"INIT_START Runtime Version: python:3\.11\.v\d+\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n",
        r"loading\n",
        rf"START RequestId: {request_id} Version: \$LATEST\n",
        r"printed 1\n",
        rf"\[INFO\]\t{TIME}\t{request_id}\tlogged 1\n",
        r"to stderr\n",
        rf"\[WARNING\]\t{TIME}\t{request_id}\tlogged\nin two lines\n",
        r"written past Python\n",
        r"printed 2\n",
        rf"\[ERROR\]\t{TIME}\t{request_id}\tlogged 3\n",
        r"from a child\n",
        rf"END RequestId: {request_id}\n",
        rf"REPORT RequestId: {request_id}\tDuration: .*\n",
    ]
    assert len(messages) == len(expected), messages
    for pattern, message in zip(expected, messages, strict=True):
        assert re.fullmatch(pattern, message), (pattern, message)


def test_the_order_holds_over_many_invocations(server: Server) -> None:
    source = "import logging\nlogging.getLogger().setLevel('INFO')\ndef handler(event, context):\n"
    source += "    for number in range(20):\n        print(f'p{event}-{number}')\n        logging.info(f'l{event}-{number}')\n"
    name = server.deploy("many", source)
    request_ids = [invoke(server, name, number).request_id for number in range(20)]
    messages = wait_for_log(server, name, "REPORT RequestId", count=20)[1:]
    expected = []
    for number, request_id in enumerate(request_ids):
        lines = [text for line in range(20) for text in (f"p{number}-{line}", f"l{number}-{line}")]
        expected += [f"START RequestId: {request_id}", *lines, f"END RequestId: {request_id}", f"REPORT RequestId: {request_id}"]
    assert len(messages) == len(expected)
    assert [(want, got) for want, got in zip(expected, messages, strict=True) if want not in got] == []


def test_a_stack_trace_in_the_log_is_one_event(server: Server) -> None:
    source = "import logging\ndef handler(event, context):\n    try:\n        1 / 0\n"
    source += "    except ZeroDivisionError:\n        logging.exception('oh')\n"
    name = server.deploy("trace", source)
    succeed(server, name)
    messages = wait_for_log(server, name, "REPORT RequestId")
    traces = [message for message in messages if "Traceback" in message]
    assert len(traces) == 1
    frames = '  File "/var/task/app.py", line 4, in handler\n    1 / 0\n    ~~^~~\n'
    assert traces[0].endswith(f"\toh\nTraceback (most recent call last):\n{frames}ZeroDivisionError: division by zero")


def test_odd_output_is_kept(server: Server) -> None:
    source = (
        "import os\ndef handler(event, context):\n"
        "    print('☔ 𝄞 ' + 'x' * 300_000)\n"
        "    os.write(1, b'not UTF-8: \\xff\\xfe\\n')\n"
        "    print('\\x00 nul')\n    print()\n    print('tab\\tcr\\rend')\n"
        "    os.write(62, b'not a frame\\n')\n"
    )
    name = server.deploy("odd", source)
    succeed(server, name)
    messages = wait_for_log(server, name, "REPORT RequestId")
    text = "".join(messages)
    assert "☔ 𝄞 xxxx" in text
    assert text.count("x") >= 300_000
    assert all(len(message.encode()) <= 262_144 for message in messages)
    assert "not UTF-8: \ufffd\ufffd\n" in messages
    assert {"\x00 nul\n", "\n", "tab\tcr\rend\n", "not a frame\n"} <= set(messages)


def test_output_between_two_invocations_belongs_to_the_next_one(server: Server) -> None:
    source = (
        "import threading, time\nbegun = threading.Event()\n"
        "def later():\n    begun.wait()\n    print('from a thread')\n"
        "threading.Thread(target=later, daemon=True).start()\n"
        "def handler(event, context):\n    if event:\n        begun.set()\n        time.sleep(0.1)\n"
    )
    name = server.deploy("threads", source)
    succeed(server, name, 0)
    succeed(server, name, 1)
    messages = wait_for_log(server, name, "REPORT RequestId", count=2)
    starts = [index for index, message in enumerate(messages) if message.startswith("START")]
    assert messages.index("from a thread\n") > starts[1]


def test_a_timeout_is_logged_with_what_came_before(server: Server) -> None:
    source = "import time\ndef handler(event, context):\n    print('waiting')\n    time.sleep(60)\n"
    name = server.deploy("waiting", source, Timeout=1)
    request_id = invoke(server, name).request_id
    messages = wait_for_log(server, name, "REPORT RequestId")
    assert messages[2] == "waiting\n"
    assert re.fullmatch(rf"{TIME} {request_id} Task timed out after 1\.00 seconds\n\n", messages[3])
    assert messages[4] == f"END RequestId: {request_id}\n"
    assert "Status: timeout" in messages[5]


@pytest.mark.parametrize("ending", ["return", "time.sleep(60)", "os._exit(1)"])
def test_a_line_without_an_end_belongs_to_its_invocation(server: Server, ending: str) -> None:
    source = f"import os, time\ndef handler(event, context):\n    print('half a line', end='')\n    {ending}\n"
    name = server.deploy("half-" + "".join(filter(str.isalnum, ending)), source, Timeout=1)
    invoke(server, name)
    second = invoke(server, name, LogType="Tail")
    assert second.log_tail.splitlines()[:2] == [f"START RequestId: {second.request_id} Version: $LATEST", "half a line"]
    messages = wait_for_log(server, name, "REPORT RequestId", count=2)
    kinds = [message.split()[0] for message in messages if message.startswith(("START", "END", "half"))]
    assert kinds == ["START", "half", "END"] * 2


def as_records(messages: list[str]) -> list[dict[str, Any]]:
    return [json.loads(message) for message in messages if message.startswith("{")]


def test_the_json_format_makes_records(server: Server) -> None:
    name = server.deploy("json", LEVELS, LoggingConfig={"LogFormat": "JSON"})
    answer = invoke(server, name, True)
    messages = wait_for_log(server, name, "platform.report")
    records = as_records(messages)
    platform = [record for record in records if "type" in record]
    assert [record["type"] for record in platform] == ["platform.initStart", "platform.start", "platform.report"]
    assert platform[1]["record"] == {"requestId": answer.request_id, "version": "$LATEST"}
    report = platform[2]["record"]
    assert (report["requestId"], report["status"]) == (answer.request_id, "error")
    assert set(report["metrics"]) == {"durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"}
    assert all(re.fullmatch(TIME, record["time"]) for record in platform)
    own = [record for record in records if "level" in record]
    assert [(record["level"], record.get("message")) for record in own] == [
        ("INFO", "rain ☔"),
        ("WARNING", "storm"),
        ("ERROR", "caught"),
        ("ERROR", None),
    ]
    assert own[0]["millimetres"] == 3
    assert own[0]["logger"] == "weather"
    assert {record["requestId"] for record in own} == {answer.request_id}
    assert own[2]["errorType"] == "ValueError"
    assert (own[3]["errorType"], own[3]["errorMessage"]) == ("KeyError", "'uncaught'")
    assert "printed\n" in messages
    assert not any(message.startswith(("START", "END", "REPORT")) for message in messages)


@pytest.mark.parametrize(
    ("application_level", "expected"),
    [
        ("TRACE", ["fine", "rain ☔", "storm", "caught"]),
        ("DEBUG", ["fine", "rain ☔", "storm", "caught"]),
        ("INFO", ["rain ☔", "storm", "caught"]),
        ("WARN", ["storm", "caught"]),
        ("ERROR", ["caught"]),
        ("FATAL", []),
    ],
)
def test_the_application_level_filters(server: Server, application_level: str, expected: list[str]) -> None:
    logging_config = {"LogFormat": "JSON", "ApplicationLogLevel": application_level}
    name = server.deploy(f"application-{application_level}", LEVELS, LoggingConfig=logging_config)
    succeed(server, name, False)
    records = as_records(wait_for_log(server, name, "platform.report"))
    assert [record["message"] for record in records if "logger" in record and record["logger"] == "weather"] == expected


@pytest.mark.parametrize(
    ("system_level", "fails", "expected"),
    [
        ("DEBUG", False, ["platform.initStart", "platform.start", "platform.report"]),
        ("INFO", False, ["platform.initStart", "platform.start", "platform.report"]),
        ("WARN", False, []),
        ("WARN", True, ["platform.report"]),
    ],
)
def test_the_system_level_filters(server: Server, system_level: str, fails: bool, expected: list[str]) -> None:
    logging_config = {"LogFormat": "JSON", "SystemLogLevel": system_level}
    source = "def handler(event, context):\n    print('over')\n    if event:\n        raise ValueError('x')\n"
    name = server.deploy(f"system-{system_level}-{fails}", source, LoggingConfig=logging_config)
    invoke(server, name, fails)
    invoke(server, name, fails)
    messages = wait_for_log(server, name, "over", count=2)
    kinds = [record["type"] for record in as_records(messages) if "type" in record]
    assert kinds[: len(expected)] == expected


def test_a_log_group_of_its_own(server: Server) -> None:
    name = server.deploy("elsewhere", MIXED, LoggingConfig={"LogGroup": "/my/group"})
    succeed(server, name)
    logs = server.client("logs")

    def reported() -> bool:
        try:
            events = logs.filter_log_events(logGroupName="/my/group")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return any(event["message"].startswith("REPORT") for event in events)

    eventually(reported, what="REPORT in /my/group")
    assert read_log(server, name) == []
    assert "/aws/lambda/elsewhere" not in [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]


def test_logs_of_other_accounts_and_regions_are_not_seen(server: Server) -> None:
    name = server.deploy("private", MIXED)
    succeed(server, name)
    wait_for_log(server, name, "REPORT RequestId")
    assert read_log(server, name, account="123456789012") == []
    assert read_log(server, name, region="eu-west-1") == []


def test_streams_are_one_an_environment(server: Server) -> None:
    name = server.deploy("streams", MIXED)
    succeed(server, name)
    server.client("lambda").update_function_configuration(FunctionName=name, Description="changed")
    server.wait_until_settled(name)
    succeed(server, name)
    wait_for_log(server, name, "REPORT RequestId", count=2)
    logs = server.client("logs")
    streams = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]]
    assert len(streams) == 2
    assert all(re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream) for stream in streams)
    events = logs.get_log_events(logGroupName=f"/aws/lambda/{name}", logStreamName=streams[0], startFromHead=True)["events"]
    assert events[0]["message"].startswith("INIT_START")
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)
