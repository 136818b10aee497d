"""Powertools' metrics in a real function."""

import pytest
from tests.support.metrics import metric_values, wait_for_sum
from tests.support.packaging import PYTHON_RUNTIME, python_packages
from tests.support.server import ROLE, Server, zip_of

_PACKAGES = ("aws-lambda-powertools==3.23.0", "typing_extensions==4.15.0", "jmespath==1.0.1")
_SOURCE = """
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

metrics = Metrics(namespace="Powertools", service="shop")


@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    metrics.add_dimension(name="environment", value="test")
    metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="Price", unit=MetricUnit.Count, value=event["price"])
"""


@pytest.mark.thorough
def test_metrics_of_powertools(server: Server) -> None:
    packages = python_packages("powertools-metrics", pinned=_PACKAGES, own=())
    files: dict[str, str | bytes] = {str(path.relative_to(packages)): path.read_bytes() for path in packages.rglob("*.py")}
    client = server.client("lambda")
    client.create_function(
        FunctionName="powertools-metrics",
        Runtime=PYTHON_RUNTIME,
        Handler="app.handler",
        Role=ROLE,
        Timeout=30,
        Code={"ZipFile": zip_of(files | {"app.py": _SOURCE})},
    )
    server.wait_until_settled("powertools-metrics")
    for price in (b'{"price": 2}', b'{"price": 5}'):
        answer = client.invoke(FunctionName="powertools-metrics", Payload=price)
        assert "FunctionError" not in answer, answer["Payload"].read()
    of = {"service": "shop", "environment": "test"}
    wait_for_sum(server, "Orders", 2, namespace="Powertools", **of)
    assert sum(metric_values(server, "Price", "Sum", namespace="Powertools", **of)) == 7
    wait_for_sum(server, "ColdStart", 1, namespace="Powertools", service="shop", function_name="powertools-metrics")
