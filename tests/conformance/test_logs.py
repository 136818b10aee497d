"""What a function writes, and what the platform writes around it, in both formats."""

import json
import re

from tests.conformance.features import Feature
from tests.conformance.house import House, every_language
from tests.support.invoking import wait_for_log


@every_language(Feature.LOGS)
def test_lines_of_stdout_and_stderr_are_events_between_start_and_end(house: House) -> None:
    name = house.deploy("writes")
    request_id = house.invoke(name, {"do": "log"}).request_id
    messages = wait_for_log(house.server, name, "REPORT RequestId")
    start = messages.index(f"START RequestId: {request_id} Version: $LATEST\n")
    end = messages.index(f"END RequestId: {request_id}\n")
    between = messages[start + 1 : end]
    assert [line for line in between if line.startswith("to std")] == ["to stdout ☔ 𝄞\n", "to stderr\n"]
    assert re.match(rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t", messages[end + 1])
    assert messages[0].startswith("INIT_START Runtime Version: ") or messages[1].startswith("INIT_START Runtime Version: ")


@every_language(Feature.LOGS)
def test_the_tail_of_the_log_comes_with_the_answer(house: House) -> None:
    answer = house.invoke(house.shared(), {"do": "log"}, LogType="Tail")
    lines = answer.log_tail.splitlines()
    assert lines[0] == f"START RequestId: {answer.request_id} Version: $LATEST"
    assert {"to stdout ☔ 𝄞", "to stderr"} < set(lines)
    assert lines[-2] == f"END RequestId: {answer.request_id}"
    assert lines[-1].startswith(f"REPORT RequestId: {answer.request_id}\t")


@every_language(Feature.WHOLE_MESSAGES)
def test_a_message_of_several_lines_is_one_event(house: House) -> None:
    name = house.deploy("whole")
    house.invoke(name, {"do": "log"})
    messages = wait_for_log(house.server, name, "REPORT RequestId")
    assert [message.rstrip("\n").endswith("first line\nsecond line") for message in messages if "first line" in message] == [True]


@every_language(Feature.LOGS)
def test_the_platform_writes_records_in_the_json_format(house: House) -> None:
    name = house.deploy("json", LoggingConfig={"LogFormat": "JSON"})
    request_id = house.invoke(name, {"do": "log"}).request_id
    messages = wait_for_log(house.server, name, "platform.report")
    records = [json.loads(message) for message in messages if message.startswith("{")]
    platform = {record["type"]: record["record"] for record in records if record.get("type", "").startswith("platform.")}
    assert list(platform) == ["platform.initStart", "platform.start", "platform.report"]
    assert platform["platform.report"]["requestId"] == request_id
    assert platform["platform.report"]["status"] == "success"
    assert "to stdout ☔ 𝄞\n" in messages


@every_language(Feature.JSON_LOGS)
def test_the_function_writes_records_in_the_json_format(house: House) -> None:
    name = house.deploy("records", LoggingConfig={"LogFormat": "JSON"})
    request_id = house.invoke(name, {"do": "log"}).request_id
    messages = wait_for_log(house.server, name, "platform.report")
    records = [json.loads(message) for message in messages if message.startswith("{")]
    own = [record for record in records if "type" not in record]
    assert [(record["message"], record["level"]) for record in own] == [("first line\nsecond line", own[0]["level"])]
    assert own[0]["level"] in {"INFO", "UNDEFINED"}
    assert own[0].get("requestId", own[0].get("AWSRequestId")) == request_id
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", own[0]["timestamp"])
