"""Records of Lambda Insights."""

import json
from typing import Any

import msgspec
import pytest

from alonzo.model.function import CapacityProviderConfig, CodePackage, FunctionLayer, FunctionVersion, LoggingConfig
from alonzo.model.invocation_lines import InvocationReport
from alonzo.model.scope import Scope
from alonzo.observe.insights_mode import InsightsMode
from alonzo.observe.lambda_insights import Measured, insights_record

VERSION = FunctionVersion(
    scope=Scope("123456789012", "eu-west-1"),
    name="f",
    runtime="python3.12",
    handler="app.handler",
    role="arn:aws:iam::123456789012:role/r",
    code=CodePackage("0" * 64, 1),
    logging=LoggingConfig(log_group="/aws/lambda/f"),
    last_modified_unix_ms=0,
    revision_id="r",
    runtime_version_arn=None,
)
WITH_LAYER = msgspec.structs.replace(VERSION, layers=(FunctionLayer("arn", None, 0),))
REPORT = InvocationReport(
    request_id="r-1", duration_ms=45_190.6, memory_size_mib=256, max_memory_bytes=63 << 20, init_duration_ms=129.7, status="timeout"
)


def record(report: InvocationReport = REPORT, measured: Measured | None = None, *, qualifier: str = ":Blue") -> dict[str, Any]:
    arn = f"arn:aws:lambda:eu-west-1:123456789012:function:f{qualifier}"
    text = insights_record(VERSION, report, measured or Measured(), invoked_arn=arn, trace_id="1-5faae118-12345678901234567890", unix_ms=5)
    content: dict[str, Any] = json.loads(text)
    return content


def test_records_are_as_awss_example() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Lambda-Insights-example-event.html, with tmp_used and tmp_free."""
    measured = Measured(cpu_user_ms=6_640, cpu_system_ms=50, network_bytes=11_345, tmp_max_bytes=551_346_176, tmp_free_bytes=538_329_088)
    content = record(measured=measured)
    metadata = content.pop("_aws")
    assert content == {
        "event_type": "performance",
        "function_name": "f",
        "version": "Blue",
        "request_id": "r-1",
        "trace_id": "1-5faae118-12345678901234567890",
        "duration": 45_191,
        "billed_duration": 45_321,
        "billed_mb_ms": 45_321 * 256,
        "cold_start": True,
        "init_duration": 130,
        "tmp_free": 538_329_088,
        "tmp_max": 551_346_176,
        "tmp_used": 13_017_088,
        "used_memory_max": 63,
        "total_memory": 256,
        "memory_utilization": 25,
        "cpu_user_time": 6_640,
        "cpu_system_time": 50,
        "cpu_total_time": 6_690,
        "timeout": True,
        "shutdown_reason": "Timeout",
        "total_network": 11_345,
    }
    (directive,) = metadata["CloudWatchMetrics"]
    assert (metadata["Timestamp"], metadata["LambdaInsights"]) == (5, {"ShareTelemetry": True})
    assert (directive["Namespace"], directive["Dimensions"]) == ("LambdaInsights", [["function_name"], ["function_name", "version"]])
    assert {each["Name"]: each["Unit"] for each in directive["Metrics"]} == {
        "memory_utilization": "Percent",
        "total_memory": "Megabytes",
        "used_memory_max": "Megabytes",
        "cpu_total_time": "Milliseconds",
        "total_network": "Bytes",
        "tmp_used": "Bytes",
        "tmp_free": "Bytes",
        "init_duration": "Milliseconds",
    }


def test_what_is_not_known_is_not_said() -> None:
    unknown = msgspec.structs.replace(REPORT, max_memory_bytes=None, init_duration_ms=None, status="success")
    content = record(unknown, qualifier="")
    assert (content["version"], content["cold_start"]) == ("$LATEST", False)
    assert [each["Name"] for each in content["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["total_memory"]
    assert not {"cpu_total_time", "tmp_used", "total_network", "used_memory_max", "timeout"} & set(content)


@pytest.mark.parametrize(
    ("mode", "without", "with_layer"), [(InsightsMode.LAYER, False, True), (InsightsMode.ALL, True, True), (InsightsMode.OFF, False, False)]
)
def test_modes_say_which_functions_have_it(mode: InsightsMode, without: bool, with_layer: bool) -> None:
    assert (mode.covers(VERSION), mode.covers(WITH_LAYER)) == (without, with_layer)
    several = msgspec.structs.replace(WITH_LAYER, capacity_provider=CapacityProviderConfig(capacity_provider_arn="arn"))
    assert not mode.covers(several)
