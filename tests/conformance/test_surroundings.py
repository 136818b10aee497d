"""What code finds around itself: its context, its variables, its files, and what is left of the last invocation."""

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.conformance.features import Feature
from tests.conformance.house import House, every_language
from tests.support.recorded import pattern_of

_RECORDED: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "recorded" / "variables.json").read_text())
_OURS = {
    "AWS_LAMBDA_RUNTIME_API": r"127\.0\.0\.1:[0-9]+",
    "AWS_XRAY_DAEMON_ADDRESS": r"127\.0\.0\.1:[0-9]{2,5}",
    "_AWS_XRAY_DAEMON_ADDRESS": r"127\.0\.0\.1",
    "_AWS_XRAY_DAEMON_PORT": r"[0-9]{2,5}",
}
"""Where Alonzo's services are is not where AWS's are."""
_ADDED = {"AWS_ENDPOINT_URL"}
"""docs/differences.md"""
_SET_BY_PROGRAMS = {"_X_AMZN_TRACE_ID"}
"""Recorded with the library for Rust, which sets it, as Go's does; the script looks at what it was given."""


@every_language(Feature.CONTEXT)
def test_the_context_is_that_of_the_invocation(house: House) -> None:
    name = house.shared()
    answer = house.invoke(name, {"do": "context"})
    seen = answer.value
    assert 25_000 < seen.pop("remaining_ms") <= 30_000
    assert re.fullmatch(rf"{datetime.now(UTC):%Y/%m}/\d\d/\[\$LATEST\][0-9a-f]{{32}}", seen.pop("log_stream"))
    assert re.match(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;|$)", seen.pop("trace"))
    assert {key: value for key, value in seen.items() if value is not None} == {  # Java's client leaves out what is null
        "request_id": answer.request_id,
        "name": name,
        "version": "$LATEST",
        "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        "memory": house.language.memory_mib,
        "log_group": f"/aws/lambda/{name}",
    }


@every_language(Feature.CONTEXT)
def test_every_invocation_has_a_context_of_its_own(house: House) -> None:
    seen = [house.do("context") for _ in range(3)]
    assert len({each["request_id"] for each in seen}) == len({each["trace"] for each in seen}) == 3


@every_language(Feature.CONTEXT)
def test_a_client_context_arrives(house: House) -> None:
    client = {"installation_id": "i", "app_title": "täglich", "app_version_name": "1", "app_version_code": "2", "app_package_name": "p"}
    given: dict[str, Any] = {"client": client, "custom": {"key": "☔"}, "env": {"locale": "de"}}
    header = base64.b64encode(json.dumps(given).encode()).decode()
    seen = house.succeed(house.shared(), {"do": "context"}, ClientContext=header)["client"]
    assert (seen.get("app_title") or seen["client"]["app_title"], seen["custom"]) == ("täglich", {"key": "☔"})


@every_language(Feature.CONTEXT)
def test_versions_and_qualifiers_are_told(house: House) -> None:
    name = house.deploy("versions")
    version = house.server.client("lambda").publish_version(FunctionName=name)["Version"]
    seen = house.succeed(name, {"do": "context"}, Qualifier=version)
    assert (seen["version"], seen["arn"].rpartition(":")[2]) == (version, version)
    assert f"/[{version}]" in seen["log_stream"]


@every_language(Feature.VARIABLES)
def test_variables_are_those_recorded_on_aws(house: House) -> None:
    language = house.language
    name = house.deploy("variables", MemorySize=1024, Environment={"Variables": {"TEST_KEY": "TEST_VAL"}})
    seen = house.succeed(name, {"do": "environment"})
    expected = _RECORDED[language.recorded] | {"_HANDLER": language.handler_of("act")}
    assert set(seen) - set(expected) == _ADDED
    assert set(expected) - set(seen) <= _SET_BY_PROGRAMS
    ours = _OURS | dict(language.own_variables)
    wrong = {
        key: (expected[key], value)
        for key, value in seen.items()
        if key in expected and not re.fullmatch(ours.get(key) or pattern_of(expected[key], name), value)
    }
    assert wrong == {}


@every_language(Feature.VARIABLES)
def test_variables_of_the_function_may_hold_any_text(house: House) -> None:
    values = {"EMPTY": "", "QUOTES": "'\"$(id)`", "SIGNS": "☔ 𝄞 =;", "SPACES": "  x  "}
    seen = house.succeed(house.deploy("texts", Environment={"Variables": values}), {"do": "environment"})
    assert {key: seen[key] for key in values} == values


@every_language(Feature.FILES)
def test_only_tmp_can_be_written_to(house: House) -> None:
    assert house.do("directory") == "/var/task"
    refused = ["/var/task/x", "/var/runtime/x", "/opt/x", "/x", "/usr/x", "/etc/x"]
    assert [house.do("write", path=path) for path in refused] == ["refused"] * len(refused)
    assert house.do("write", path="/tmp/note") == "written"
    assert house.do("read", path="/tmp/note") == "written"


@every_language(Feature.FILES)
def test_files_of_the_package_are_in_the_working_directory(house: House) -> None:
    name = house.deploy("packed", more={"data/note": "packed with it"})
    assert house.succeed(name, {"do": "read", "path": "data/note"}) == "packed with it"


@every_language(Feature.WARMTH)
def test_globals_and_tmp_are_kept_in_a_warm_environment(house: House) -> None:
    name = house.deploy("counts")
    assert [house.succeed(name, {"do": "count"}) for _ in range(3)] == [{"global": count, "tmp": count} for count in (1, 2, 3)]
    house.server.client("lambda").update_function_configuration(FunctionName=name, Description="changed")
    house.server.wait_until_settled(name)
    assert house.succeed(name, {"do": "count"}) == {"global": 1, "tmp": 1}
