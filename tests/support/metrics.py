"""What tests ask CloudWatch."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.server import Server
from tests.support.waiting import eventually


def dimensions(**values: str) -> list[dict[str, str]]:
    """Dimensions by their names."""
    return [{"Name": name, "Value": value} for name, value in values.items()]


def metric_values(server: Server, name: str, statistic: str, *, namespace: str = "AWS/Lambda", **of: str) -> list[float]:
    """The values of the last minutes, the oldest first."""
    now = datetime.now(UTC)
    query = {
        "Id": "m",
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions(**of)},
            "Period": 60,
            "Stat": statistic,
        },
    }
    answer: dict[str, Any] = server.client("cloudwatch").get_metric_data(
        StartTime=now - timedelta(minutes=10), EndTime=now + timedelta(minutes=5), ScanBy="TimestampAscending", MetricDataQueries=[query]
    )
    values: list[float] = answer["MetricDataResults"][0]["Values"]
    return values


def wait_for_sum(server: Server, name: str, wanted: float, *, namespace: str = "AWS/Lambda", **of: str) -> None:
    """Wait until the values of the last minutes add up to that."""
    eventually(lambda: sum(metric_values(server, name, "Sum", namespace=namespace, **of)) == wanted, what=f"{name} adds up to {wanted}")
