"""Lambda Insights: what an invocation uses of the processor, memory and /tmp, as records in the log and as metrics of CloudWatch."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import StartServer
from tests.support.metrics import metric_values, wait_for_sum
from tests.support.server import Server
from tests.support.waiting import eventually

LAYER = "arn:aws:lambda:us-east-1:580247275435:layer:LambdaInsightsExtension:53"
GROUP = "/aws/lambda-insights"
SOURCE = """
import os, subprocess, sys, time, urllib.request

def handler(event, context):
    spent, until = os.times(), event.get("cpu", 0)
    while sum(os.times()[:2]) - sum(spent[:2]) < until:
        pass
    if event.get("child"):
        subprocess.run([sys.executable, "-c", f"import os\\nwhile sum(os.times()[:2]) < {event['child']}: pass"], check=True)
    with open("/tmp/written", "ab") as file:
        file.write(b"x" * event.get("tmp", 0))
    grown = b"y" * event.get("memory", 0)
    if event.get("call"):
        urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/health").read()
    time.sleep(event.get("sleep", 0))
    if event.get("exit"):
        os._exit(3)
    return os.listdir("/opt")
"""


def records(server: Server, name: str) -> list[dict[str, Any]]:
    """Those of a function, the oldest first."""
    client = server.own_client("logs")
    try:
        events = client.filter_log_events(logGroupName=GROUP, filterPattern=f'{{ $.function_name = "{name}" }}')["events"]
    except client.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(event["message"]) for event in events]


def wait_for_records(server: Server, name: str, count: int) -> list[dict[str, Any]]:
    """Of so many invocations."""
    eventually(lambda: len(records(server, name)) == count, what=f"{count} records of {name} are there")
    return records(server, name)


def invoke(server: Server, name: str, **event: Any) -> Any:
    return json.load(server.own_client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))["Payload"])


def test_what_an_invocation_uses_is_told(server: Server) -> None:
    name = server.deploy("insightful", SOURCE, Layers=[LAYER], MemorySize=256, Timeout=30)
    (layer,) = server.own_client("lambda").get_function_configuration(FunctionName=name)["Layers"]
    assert layer["Arn"] == LAYER
    assert invoke(server, name, cpu=0.2, child=0.1, tmp=3_000_000, memory=60_000_000) == []
    invoke(server, name)
    first, second = wait_for_records(server, name, 2)
    assert (first["event_type"], first["function_name"], first["version"]) == ("performance", name, "$LATEST")
    assert (first["cold_start"], second["cold_start"]) == (True, False)
    assert first["init_duration"] >= 0
    assert "init_duration" not in second
    # The kernel may count in hundredths of a second.
    assert first["cpu_total_time"] == first["cpu_user_time"] + first["cpu_system_time"] >= 280
    assert second["cpu_total_time"] <= 100
    assert (first["total_memory"], first["memory_utilization"]) == (256, round(100 * first["used_memory_max"] / 256))
    assert 57 <= first["used_memory_max"] <= 256
    assert first["tmp_used"] >= 3_000_000
    assert first["tmp_max"] == first["tmp_used"] + first["tmp_free"] <= 512 << 20
    assert first["billed_mb_ms"] == 256 * first["billed_duration"] >= 256 * first["duration"]
    assert not {"rx_bytes", "tx_bytes", "total_network"} & set(first)  # the network is the host's


def test_insights_are_metrics_by_function_and_version(server: Server) -> None:
    name = server.deploy("insightful-versions", SOURCE, Layers=[LAYER])
    client = server.own_client("lambda")
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    server.wait_until_settled(f"{name}:1")
    for qualifier in ("1", "live", "live", "$LATEST"):
        client.invoke(FunctionName=name, Qualifier=qualifier, Payload=b'{"tmp": 4096}')
    wait_for_records(server, name, 4)
    wait_for_sum(server, "total_memory", 4 * 128, namespace="LambdaInsights", function_name=name)
    for version, count in (("1", 1), ("live", 2), ("$LATEST", 1)):
        of = {"namespace": "LambdaInsights", "function_name": name, "version": version}
        assert sum(metric_values(server, "cpu_total_time", "SampleCount", **of)) == count
        assert max(metric_values(server, "memory_utilization", "Maximum", **of)) > 0
        assert max(metric_values(server, "tmp_used", "Maximum", **of)) >= 4_096
    found = server.own_client("cloudwatch").list_metrics(Namespace="LambdaInsights", Dimensions=[{"Name": "function_name", "Value": name}])
    assert {each["MetricName"] for each in found["Metrics"]} == {
        *("cpu_total_time", "init_duration", "memory_utilization", "total_memory", "used_memory_max", "tmp_used", "tmp_free")
    }


def test_ends_that_the_function_did_not_choose_are_told(server: Server) -> None:
    name = server.deploy("insightful-ends", SOURCE, Layers=[LAYER], Timeout=3)
    invoke(server, name, cpu=0.1, exit=True)
    invoke(server, name, sleep=9)
    crashed, late = wait_for_records(server, name, 2)
    assert "timeout" not in crashed
    assert crashed["cpu_total_time"] >= 80
    assert (late["shutdown_reason"], late["timeout"]) == ("Timeout", True)
    assert late["duration"] == 3_000


def test_functions_without_the_layer_have_none(server: Server) -> None:
    name = server.deploy("opaque", SOURCE)
    client = server.own_client("lambda")
    invoke(server, name)
    for arn in (
        LAYER.replace("us-east-1", "eu-west-1"),
        LAYER.replace("LambdaInsights", "Other"),
        LAYER.replace("580247275435", "000000000000"),
    ):
        with pytest.raises(ClientError):
            client.update_function_configuration(FunctionName=name, Layers=[arn])
    client.update_function_configuration(FunctionName=name, Layers=[LAYER])
    server.wait_until_settled(name)
    invoke(server, name)
    assert len(wait_for_records(server, name, 1)) == 1


@pytest.mark.thorough
def test_all_functions_have_insights_where_they_shall_and_their_own_network_is_counted(start_server: StartServer) -> None:
    server = start_server("--insights", "all", "--network", "isolated")
    name = server.deploy("isolated", SOURCE)
    for call in (False, True):
        invoke(server, name, call=call)
    silent, calling = wait_for_records(server, name, 2)
    assert silent["total_network"] < calling["total_network"]
    assert calling["total_network"] > 500


@pytest.mark.thorough
@pytest.mark.parametrize("options", [("--isolation", "process"), ("--workers", "2")])
def test_insights_where_environments_are_otherwise(start_server: StartServer, options: tuple[str, ...]) -> None:
    server = start_server(*options)
    name = server.deploy("otherwise", SOURCE, Layers=[LAYER])
    invoke(server, name, cpu=0.2, child=0.1)
    (record,) = wait_for_records(server, name, 1)
    assert record["cpu_total_time"] >= 280


@pytest.mark.thorough
def test_insights_can_be_off(start_server: StartServer) -> None:
    server = start_server("--insights", "off")
    name = server.deploy("off", SOURCE, Layers=[LAYER])
    invoke(server, name)
    wait_for_sum(server, "Invocations", 1, FunctionName=name)
    assert records(server, name) == []


@pytest.mark.thorough
def test_clones_of_a_snapshot_have_insights(start_server: StartServer) -> None:
    server = start_server()
    name = server.deploy("snapped", SOURCE, Layers=[LAYER], SnapStart={"ApplyOn": "PublishedVersions"}, Runtime="python3.12")
    server.own_client("lambda").publish_version(FunctionName=name)
    server.wait_until_settled(f"{name}:1")
    invoke(server, f"{name}:1", cpu=0.2, child=0.1, tmp=3_000_000)
    (record,) = wait_for_records(server, name, 1)
    assert record["cpu_total_time"] >= 280
    assert record["tmp_used"] >= 3_000_000
    assert record["cold_start"]
