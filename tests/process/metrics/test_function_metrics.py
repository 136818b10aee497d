"""What functions do becomes metrics of AWS/Lambda, in CloudWatch's API, for Prometheus, and by OTLP."""

import gzip
import json
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from tests.support.aws_cli import AWS
from tests.support.metrics import dimensions, metric_values, wait_for_sum
from tests.support.otlp_collector import OtlpCollector
from tests.support.server import Server
from tests.support.waiting import eventually

_DIVIDES = "def handler(event, context):\n    return 1 / event['by']\n"


@pytest.fixture(scope="module")
def invoked(server: Server) -> str:
    """A function that has succeeded five times and failed twice, in its alias `live`."""
    client, name = server.client("lambda"), server.deploy("metered", _DIVIDES)
    version = client.publish_version(FunctionName=name)["Version"]
    client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    server.wait_until_settled(f"{name}:{version}")
    for by in (1, 1, 1, 1, 1, 0, 0):
        client.invoke(FunctionName=name, Qualifier="live", Payload=json.dumps({"by": by}))
    wait_for_sum(server, "Invocations", 7, FunctionName=name)
    return name


def test_counts_invocations_by_function_resource_and_version(server: Server, invoked: str) -> None:
    for of in (
        {"FunctionName": invoked},
        {"FunctionName": invoked, "Resource": f"{invoked}:live"},
        {"FunctionName": invoked, "Resource": f"{invoked}:live", "ExecutedVersion": "1"},
    ):
        assert sum(metric_values(server, "Invocations", "Sum", **of)) == 7
        assert sum(metric_values(server, "Errors", "Sum", **of)) == 2
        assert sum(metric_values(server, "Duration", "SampleCount", **of)) == 7
        assert max(metric_values(server, "Duration", "p99", **of)) <= max(metric_values(server, "Duration", "Maximum", **of))
    assert sum(metric_values(server, "Invocations", "Sum")) >= 7
    assert sum(metric_values(server, "InitDuration", "SampleCount", FunctionName=invoked)) >= 1
    assert max(metric_values(server, "ConcurrentExecutions", "Maximum", FunctionName=invoked)) == 1
    assert max(metric_values(server, "UnreservedConcurrentExecutions", "Maximum")) >= 1


def test_throttles_are_counted(server: Server) -> None:
    name = server.deploy("metered-throttled", _DIVIDES)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError):
        server.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    wait_for_sum(server, "Throttles", 1, FunctionName=name)
    assert metric_values(server, "Invocations", "Sum", FunctionName=name) == []


def test_asynchronous_events_are_counted(server: Server) -> None:
    name = server.deploy("metered-events", _DIVIDES)
    server.client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    for by in (1, 0):
        server.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"by": by}))
    wait_for_sum(server, "AsyncEventsReceived", 2, FunctionName=name)
    wait_for_sum(server, "AsyncEventsDropped", 1, FunctionName=name)
    eventually(lambda: sum(metric_values(server, "AsyncEventAge", "SampleCount", FunctionName=name)) == 2, what="both had an age")


def test_prometheus_page_has_counters_and_histograms(server: Server, invoked: str) -> None:
    page = page_of(server)
    labels = f'account="000000000000",region="us-east-1",function="{invoked}"'
    assert f"alonzo_invocations_total{{{labels}}} 7\n" in page
    assert f"alonzo_errors_total{{{labels}}} 2\n" in page
    assert f'alonzo_invocation_duration_seconds_bucket{{{labels},le="+Inf"}} 7\n' in page
    assert f"alonzo_invocation_duration_seconds_count{{{labels}}} 7\n" in page


def test_provisioned_concurrency_is_measured_by_the_alias_that_has_it(server: Server) -> None:
    client, name = server.client("lambda"), server.deploy("metered-provisioned", "import time\ndef handler(by, _):\n    time.sleep(by)\n")
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    server.wait_until_settled(f"{name}:1")
    client.put_provisioned_concurrency_config(FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=1)

    def status() -> str:
        found: str = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")["Status"]
        return found

    eventually(lambda: status() == "READY", what="there is an environment")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: client.invoke(FunctionName=name, Qualifier="live", Payload=b"1"), range(2)))
    of_function = {"FunctionName": name}
    of_alias = of_function | {"Resource": f"{name}:live"}
    wait_for_sum(server, "ProvisionedConcurrencySpilloverInvocations", 1, **of_alias)
    for of in (of_function, of_alias, of_alias | {"ExecutedVersion": "1"}):
        assert sum(metric_values(server, "ProvisionedConcurrencyInvocations", "Sum", **of)) == 1
        assert max(metric_values(server, "ProvisionedConcurrentExecutions", "Maximum", **of)) == 1
        assert max(metric_values(server, "ProvisionedConcurrencyUtilization", "Maximum", **of)) == 1
    assert metric_values(server, "ProvisionedConcurrentExecutions", "Maximum", FunctionName=name, Resource=f"{name}:1") == []
    page = page_of(server)
    labels = f'account="000000000000",region="us-east-1",function="{name}"'
    assert f"alonzo_provisioned_concurrency_invocations_total{{{labels}}} 1\n" in page
    assert f"alonzo_provisioned_concurrency_spillover_invocations_total{{{labels}}} 1\n" in page
    assert f'alonzo_provisioned_concurrent_executions{{{labels},resource="{name}:live",executed_version="1"}} 0\n' in page
    assert f'alonzo_resource_invocations_total{{{labels},resource="{name}:live",executed_version="1"}} 2\n' in page
    assert f"alonzo_concurrent_executions{{{labels}}} 0\n" in page


@pytest.mark.thorough
def test_what_cannot_be_delivered_and_how_old_records_are_is_measured(server: Server) -> None:
    client = server.client("lambda")
    missing = {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:metered-missing"}
    name = server.deploy("metered-undeliverable", _DIVIDES, DeadLetterConfig=missing)
    destination = {"OnFailure": {"Destination": "arn:aws:sns:us-east-1:000000000000:metered-missing"}}
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0, DestinationConfig=destination)
    client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"by": 0}')
    server.client("kinesis").create_stream(StreamName="metered", ShardCount=1)
    stream = "arn:aws:kinesis:us-east-1:000000000000:stream/metered"
    reads = server.deploy("metered-stream", "def handler(event, context): pass\n")
    client.create_event_source_mapping(FunctionName=reads, EventSourceArn=stream, StartingPosition="TRIM_HORIZON")
    server.client("kinesis").put_record(StreamName="metered", Data=b"x", PartitionKey="p")
    eventually(lambda: metric_values(server, "IteratorAge", "Maximum", FunctionName=reads), what="records have an age")
    for metric, page_name in (("DeadLetterErrors", "dead_letter_errors"), ("DestinationDeliveryFailures", "destination_delivery_failures")):
        eventually(lambda metric=metric: metric_values(server, metric, "Sum", FunctionName=name) == [1], what=metric, within_seconds=120)
        assert f'alonzo_{page_name}_total{{account="000000000000",region="us-east-1",function="{name}"}} 1\n' in page_of(server)


def test_the_aws_cli_reads_metrics(server: Server, invoked: str) -> None:
    now = datetime.now(UTC)
    query = [
        {
            "Id": "errors",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": dimensions(FunctionName=invoked)},
                "Period": 3600,
                "Stat": "Sum",
            },
        },
        {"Id": "twice", "Expression": "2 * SUM(errors)"},
    ]
    times = ("--start-time", (now - timedelta(minutes=30)).isoformat(), "--end-time", (now + timedelta(minutes=5)).isoformat())
    command = [AWS, "cloudwatch", "get-metric-data", *times, "--metric-data-queries", json.dumps(query)]
    answer = subprocess.run(command, env=server.environment(), capture_output=True, text=True, check=True)
    results = json.loads(answer.stdout)["MetricDataResults"]
    assert [(each["Id"], each["Values"]) for each in results] == [("twice", [4.0])]


def test_records_in_logs_become_metrics(server: Server) -> None:
    record = {
        "_aws": {
            "Timestamp": int(datetime.now(UTC).timestamp() * 1_000),
            "CloudWatchMetrics": [
                {"Namespace": "Shop", "Dimensions": [["kind"], []], "Metrics": [{"Name": "orders", "Unit": "Count"}, {"Name": "prices"}]}
            ],
        },
        "kind": "books",
        "orders": 3,
        "prices": [1.5, 2.5],
    }
    name = server.deploy("metered-embedded", f"def handler(event, context):\n    print({json.dumps(record)!r})\n")
    server.client("lambda").invoke(FunctionName=name)
    wait_for_sum(server, "orders", 3, namespace="Shop", kind="books")
    assert metric_values(server, "prices", "Average", namespace="Shop") == [2.0]


def test_metrics_are_exported_by_otlp(server: Server, invoked: str, collector: OtlpCollector) -> None:
    server.client("cloudwatch").list_metrics(Namespace="AWS/Lambda")  # writes, and so exports, what is there

    def of_function() -> dict[str, float]:
        found = [metric for resource, metric in collector.metrics() if resource.get("faas.name") == invoked]
        return {each.name: each.sum.data_points[0].as_int for each in found if each.HasField("sum")}

    eventually(lambda: of_function().get("faas.invocations") == 7, what="all invocations are exported")
    histograms = [metric.histogram for _, metric in collector.metrics() if metric.name == "faas.invoke_duration"]
    assert all(sum(each.data_points[0].bucket_counts) == each.data_points[0].count for each in histograms)
    eventually(lambda: "amazonaws.com/AWS/Lambda/Duration" in {metric.name for _, metric in collector.metrics()}, what="minutes, too")


def test_custom_metrics_are_taken_in_every_protocol(server: Server) -> None:
    client = server.client("cloudwatch")
    data = [{"MetricName": "cbor", "Values": [1.0, 2.0], "Counts": [1.0, 3.0], "Dimensions": dimensions(of="protocols")}]
    client.put_metric_data(Namespace="Custom", MetricData=data)
    summary = {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}
    client.put_metric_data(Namespace="Custom", MetricData=[{"MetricName": "summary", "StatisticValues": summary}])
    form = (
        b"Action=PutMetricData&Version=2010-08-01&Namespace=Custom&MetricData.member.1.MetricName=query&MetricData.member.1.Value=5"
        b"&MetricData.member.1.Dimensions.member.1.Name=of&MetricData.member.1.Dimensions.member.1.Value=protocols"
    )
    _send(server, gzip.compress(form), {"content-encoding": "gzip", "content-type": "application/x-www-form-urlencoded"})
    target = {"x-amz-target": "GraniteServiceVersion20100801.PutMetricData", "content-type": "application/x-amz-json-1.0"}
    _send(server, json.dumps({"Namespace": "Custom", "MetricData": [{"MetricName": "json", "Value": 6}]}).encode(), target)
    assert metric_values(server, "cbor", "Average", namespace="Custom", of="protocols") == [1.75]
    assert metric_values(server, "query", "Sum", namespace="Custom", of="protocols") == [5.0]
    assert metric_values(server, "json", "Maximum", namespace="Custom") == [6.0]
    assert metric_values(server, "summary", "Average", namespace="Custom") == [2.5]
    assert metric_values(server, "summary", "p50", namespace="Custom") == []
    found = client.list_metrics(Namespace="Custom", Dimensions=[{"Name": "of"}])["Metrics"]
    assert sorted(each["MetricName"] for each in found) == ["cbor", "query"]


def test_statistics_of_a_metric(server: Server) -> None:
    client, now = server.client("cloudwatch"), datetime.now(UTC)
    earlier = now - timedelta(hours=5)
    data = [{"MetricName": "earlier", "Timestamp": earlier, "Value": value, "Unit": "Seconds"} for value in (1.0, 2.0, 3.0)]
    client.put_metric_data(Namespace="Statistics", MetricData=data)
    answer = client.get_metric_statistics(
        Namespace="Statistics",
        MetricName="earlier",
        StartTime=earlier - timedelta(hours=1),
        EndTime=now,
        Period=86_400,
        Statistics=["Sum", "Average", "SampleCount", "Minimum", "Maximum"],
    )
    (datapoint,) = answer["Datapoints"]
    assert {name: datapoint[name] for name in ("Sum", "Average", "SampleCount", "Minimum", "Maximum", "Unit")} == {
        "Sum": 6.0,
        "Average": 2.0,
        "SampleCount": 3.0,
        "Minimum": 1.0,
        "Maximum": 3.0,
        "Unit": "Seconds",
    }


def test_refuses_what_cloudwatch_refuses(server: Server) -> None:
    client = server.client("cloudwatch")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="The value AWS/Mine for parameter Namespace is invalid"):
        client.put_metric_data(Namespace="AWS/Mine", MetricData=[{"MetricName": "m", "Value": 1}])
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="two weeks in the past"):
        client.put_metric_data(
            Namespace="Mine", MetricData=[{"MetricName": "m", "Value": 1, "Timestamp": datetime(2020, 1, 1, tzinfo=UTC)}]
        )
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        client.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "m"}])


def test_values_survive_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    data_directory = tmp_path_factory.mktemp("restart") / "data"
    with Server.start(data_directory=data_directory) as first:
        first.client("cloudwatch").put_metric_data(Namespace="Kept", MetricData=[{"MetricName": "m", "Value": 4}])
    with Server.start(data_directory=data_directory) as second:
        assert metric_values(second, "m", "Sum", namespace="Kept") == [4.0]


def page_of(server: Server) -> str:
    """What Prometheus reads."""
    with urllib.request.urlopen(f"{server.endpoint_url}/metrics") as answer:
        text: str = answer.read().decode()
    return text


def _send(server: Server, body: bytes, headers: dict[str, str]) -> None:
    scope = "Credential=test/20261121/us-east-1/monitoring/aws4_request, SignedHeaders=host, Signature=x"
    request = urllib.request.Request(
        server.endpoint_url, data=body, headers={"authorization": f"AWS4-HMAC-SHA256 {scope}", "x-amz-date": "20261121T000000Z"} | headers
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
