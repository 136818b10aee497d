"""Traces, the audit trail and health through the front door: functions with active tracing, X-Ray's API, OpenTelemetry, CloudTrail."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.invoking import wait_for_log
from tests.support.otlp_collector import OtlpCollector
from tests.support.server import ALONZO, Server, zip_of
from tests.support.waiting import eventually

TRACER = """
import json, os, socket, time

daemon = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
tracer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

def handler(event, context):
    header = os.environ["_X_AMZN_TRACE_ID"]
    fields = dict(part.split("=", 1) for part in header.split(";"))
    now = time.time()
    segment = {"id": os.urandom(8).hex(), "trace_id": fields["Root"], "parent_id": fields.get("Parent"), "type": "subsegment",
               "name": "work", "start_time": now, "end_time": now + 0.001, "annotations": {"order": event.get("order", 0)}}
    for datagram in (b"nonsense", b'{"format": "json", "version": 1}\\n' + json.dumps(segment).encode()):
        tracer.sendto(datagram, (daemon[0], int(daemon[1])))
    if event.get("fails"):
        raise ValueError("no sun")
    return header
"""

POWERTOOLS = """
from aws_lambda_powertools import Tracer
tracer = Tracer(service="orders")

@tracer.capture_method
def charge(order):
    tracer.put_annotation("order", order)
    return order

@tracer.capture_lambda_handler
def handler(event, context):
    return charge(event["order"])
"""

ACTIVE = {"Mode": "Active"}


@dataclass(frozen=True)
class Traced:
    server: Server
    collector: OtlpCollector

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        traces = self.server.client("xray").batch_get_traces(TraceIds=[trace_id])["Traces"]
        return [json.loads(segment["Document"]) for segment in traces[0]["Segments"]] if traces else []


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    directory = tmp_path_factory.mktemp("traced") / "alonzo"
    with OtlpCollector() as collector, Server.start("--otlp-endpoint", collector.url, data_directory=directory) as server:
        yield Traced(server, collector)


def invoke(server: Server, name: str, event: Any = None, header: str | None = None, **options: Any) -> tuple[str, Any]:
    """The id of the trace, and what the function has answered."""
    client = server.client("lambda")
    if header is not None:
        client.meta.events.register("before-sign.lambda.Invoke", lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", header))
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event or {}), **options)
    content = answer["Payload"].read()
    header = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"]
    return header.split(";")[0].removeprefix("Root="), json.loads(content) if content else None


def sampled_header(number: int, *fields: str) -> str:
    return ";".join((f"Root=1-6750ae7a-{number:024x}", *fields))


def parts_of(segment: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["name"]: part for part in segment["subsegments"]}


def test_lambda_writes_its_segments_and_the_functions_are_within(traced: Traced) -> None:
    name = traced.server.deploy("traced-active", TRACER, TracingConfig=ACTIVE)
    header = sampled_header(1, "Parent=53995c3f42cd8ad8", "Sampled=1")
    trace_id, seen = invoke(traced.server, name, {"order": 7}, header)
    eventually(lambda: len(traced.trace(trace_id)) == 2, what="both segments")
    service, function = traced.trace(trace_id)
    assert (service["origin"], service["parent_id"], service["http"]["response"]["status"]) == ("AWS::Lambda", "53995c3f42cd8ad8", 200)
    assert (function["origin"], function["parent_id"]) == ("AWS::Lambda::Function", service["id"])
    parts = parts_of(function)
    assert set(parts) == {"Initialization", "Invocation", "Overhead"}
    assert f"Parent={parts['Invocation']['id']};Sampled=1" in seen
    assert [each["annotations"] for each in parts["Invocation"]["subsegments"]] == [{"order": 7}]
    assert parts["Initialization"]["end_time"] <= function["start_time"] <= parts["Overhead"]["start_time"]


def test_errors_are_in_the_trace_and_found_by_filters(traced: Traced) -> None:
    name = traced.server.deploy("traced-error", TRACER, TracingConfig=ACTIVE)
    trace_id, _ = invoke(traced.server, name, {"fails": True}, sampled_header(2, "Sampled=1"))
    eventually(lambda: len(traced.trace(trace_id)) == 2, what="both segments")
    (exception,) = traced.trace(trace_id)[1]["cause"]["exceptions"]
    assert (exception["type"], exception["message"]) == ("ValueError", "no sun")
    now = datetime.now(UTC)
    client, span = traced.server.client("xray"), {"StartTime": now - timedelta(minutes=9), "EndTime": now + timedelta(seconds=9)}
    pages = client.get_paginator("get_trace_summaries").paginate(**span, FilterExpression='service("traced-error") AND fault')
    assert [each["Id"] for page in pages for each in page["TraceSummaries"]] == [trace_id]
    services = client.get_service_graph(**span)["Services"]
    assert {"AWS::Lambda", "AWS::Lambda::Function"} <= {each["Type"] for each in services if each["Name"] == name}
    with pytest.raises(client.exceptions.InvalidRequestException):
        client.get_trace_summaries(**span, FilterExpression="edge(")


def test_who_has_decided_before_is_heard_and_else_the_first_is_sampled(traced: Traced) -> None:
    name = traced.server.deploy("traced-sampled", TRACER, TracingConfig=ACTIVE)
    assert "Sampled=0" in invoke(traced.server, name, header=sampled_header(3, "Sampled=0"))[1]
    trace_id, seen = invoke(traced.server, name)
    assert "Sampled=1" in seen
    eventually(lambda: len(traced.trace(trace_id)) == 2, what="both segments")
    assert "parent_id" not in traced.trace(trace_id)[0]


def test_without_active_tracing_the_header_is_only_passed_on(traced: Traced) -> None:
    name = traced.server.deploy("traced-passing", TRACER)
    trace_id, seen = invoke(traced.server, name, header=sampled_header(4, "Parent=53995c3f42cd8ad8", "Sampled=1"))
    assert "Parent=53995c3f42cd8ad8;Sampled=1" in seen
    eventually(lambda: traced.trace(trace_id), what="what the function has sent itself")
    assert [segment["name"] for segment in traced.trace(trace_id)] == ["work"]


def test_an_event_has_dwelt_and_been_tried(traced: Traced) -> None:
    name = traced.server.deploy("traced-event", TRACER, TracingConfig=ACTIVE)
    trace_id, _ = invoke(traced.server, name, header=sampled_header(5, "Sampled=1"), InvocationType="Event")
    eventually(lambda: len(traced.trace(trace_id)) == 2, what="both segments")
    service, function = traced.trace(trace_id)
    parts = parts_of(service)
    assert list(parts) == ["Dwell Time", "Attempt #1"]
    assert service["http"]["response"]["status"] == 202
    assert function["parent_id"] == parts["Attempt #1"]["id"]


def test_spans_go_to_the_collector(traced: Traced) -> None:
    name = traced.server.deploy("traced-spans", TRACER, TracingConfig=ACTIVE)
    trace_id, _ = invoke(traced.server, name, header=sampled_header(6, "Sampled=1"))
    wanted = bytes.fromhex(trace_id[2:].replace("-", ""))

    def spans() -> list[Any]:
        return [span for _, span in traced.collector.spans() if span.trace_id == wanted]

    eventually(lambda: len(spans()) == 6, what="all spans of the trace")
    by_name = {span.name: span for span in spans() if span.name != name}
    assert by_name["work"].parent_span_id == by_name["Invocation"].span_id
    attributes = {each.key for span in spans() for each in span.attributes}
    assert {"faas.invocation_id", "faas.coldstart"} <= attributes


def test_a_trace_is_drawn(traced: Traced) -> None:
    name = traced.server.deploy("traced-drawn", TRACER, TracingConfig=ACTIVE)
    trace_id, _ = invoke(traced.server, name, {"order": 8}, sampled_header(7, "Sampled=1"))
    eventually(lambda: len(traced.trace(trace_id)) == 2, what="both segments")
    drawn = subprocess.run([ALONZO, "trace", trace_id], env=traced.server.environment(), capture_output=True, text=True, check=True)
    lines = drawn.stdout.splitlines()
    assert lines[0].startswith(trace_id)
    assert [line.partition("│")[0].rstrip() for line in lines[1:]] == [
        "traced-drawn (AWS::Lambda)",
        "  traced-drawn (AWS::Lambda::Function)",
        "    Initialization",
        "    Invocation",
        "      work",
        "    Overhead",
    ]
    assert "order=8" in drawn.stdout


def test_what_was_asked_of_the_api_is_looked_up(traced: Traced) -> None:
    name = traced.server.deploy("audited", TRACER, Environment={"Variables": {"PASSWORD": "secret"}})
    traced.server.client("lambda").delete_function(FunctionName=name)
    client = traced.server.client("cloudtrail")
    by_name = [{"AttributeKey": "ResourceName", "AttributeValue": name}]

    def names() -> list[str]:
        pages = client.get_paginator("lookup_events").paginate(LookupAttributes=by_name, PaginationConfig={"PageSize": 2})
        return [event["EventName"] for page in pages for event in page["Events"]]

    eventually(lambda: "DeleteFunction20150331" in names(), what="the records")
    assert (names()[0], names()[-1]) == ("DeleteFunction20150331", "CreateFunction20150331")
    events = client.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateFunction20150331"}])["Events"]
    record = json.loads(next(event for event in events if name in event["CloudTrailEvent"])["CloudTrailEvent"])
    assert record["requestParameters"]["functionName"] == name
    assert "secret" not in json.dumps(record)
    assert client.lookup_events(EndTime=datetime(2020, 1, 1, tzinfo=UTC))["Events"] == []


def test_calls_of_metrics_and_alarms_are_looked_up_too(traced: Traced) -> None:
    alarms, client = traced.server.client("cloudwatch"), traced.server.client("cloudtrail")
    alarms.put_metric_data(Namespace="audited", MetricData=[{"MetricName": "m", "Value": 1.0}])
    with pytest.raises(alarms.exceptions.ResourceNotFound):
        alarms.set_alarm_state(AlarmName="audited-none", StateValue="OK", StateReason="none")
    by_source = [{"AttributeKey": "EventSource", "AttributeValue": "monitoring.amazonaws.com"}]
    (event,) = eventually(lambda: client.lookup_events(LookupAttributes=by_source)["Events"], what="the record")
    record = json.loads(event["CloudTrailEvent"])
    assert (event["EventName"], record["errorCode"]) == ("SetAlarmState", "ResourceNotFound")
    assert record["requestParameters"]["alarmName"] == "audited-none"


def test_a_server_that_ends_is_not_ready_but_serves_and_logs_json(start_server: StartServer) -> None:
    server = start_server("--drain-delay", "60", "--log-format", "json")
    assert status_of(server, "/health/live") == status_of(server, "/health/ready") == 200
    server.process.terminate()
    eventually(lambda: status_of(server, "/health/ready") == 503, what="that it is not ready")
    assert (status_of(server, "/health/live"), status_of(server, "/health")) == (200, 503)
    assert server.client("lambda").list_functions()["Functions"] == []
    assert server.stop() == 130
    lines = [json.loads(line) for line in server.log_file.read_text().splitlines() if line.startswith("{")]
    assert any("not ready any more" in line["message"] for line in lines)


def status_of(server: Server, path: str) -> int:
    try:
        with urllib.request.urlopen(server.endpoint_url + path) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.thorough
def test_powertools_tracer(traced: Traced, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    wanted = ["aws-lambda-powertools==3.37.0", "aws-xray-sdk==2.15.0"]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", str(packages), *wanted], check=True)
    files: dict[str, str | bytes] = {
        str(path.relative_to(packages)): path.read_bytes() for path in packages.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }
    client = traced.server.client("lambda")
    settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": "arn:aws:iam::000000000000:role/test", "Timeout": 60}
    code = {"ZipFile": zip_of(files | {"app.py": POWERTOOLS})}
    client.create_function(FunctionName="powertools", Code=code, TracingConfig=ACTIVE, **settings)
    traced.server.wait_until_settled("powertools")
    trace_id, answer = invoke(traced.server, "powertools", {"order": 5}, sampled_header(8, "Sampled=1"))
    assert answer == 5
    wait_for_log(traced.server, "powertools", "REPORT RequestId")
    eventually(lambda: len(traced.trace(trace_id)) == 2, what="both segments")
    (handler,) = parts_of(traced.trace(trace_id)[1])["Invocation"]["subsegments"]
    assert (handler["name"], handler["annotations"]["Service"]) == ("## handler", "orders")
    (charge,) = handler["subsegments"]
    assert (charge["name"], charge["annotations"]["order"]) == ("## app.charge", 5)
