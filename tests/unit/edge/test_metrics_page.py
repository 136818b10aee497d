"""What Prometheus reads."""

from alonzo.edge.metrics_page import exposition, gauges
from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import FunctionMetrics, Metric

HERE = Scope("123456789012", "us-east-1")


def test_what_was_counted_is_a_sample_each() -> None:
    metrics = FunctionMetrics()
    for name in ("f", "g", "f"):
        metrics.count(Metric.DEAD_LETTER_ERRORS, HERE, name)
    assert exposition(dict(metrics.iter_counts())).splitlines() == [
        "# TYPE alonzo_destination_delivery_failures_total counter",
        "# TYPE alonzo_dead_letter_errors_total counter",
        'alonzo_dead_letter_errors_total{account="123456789012",region="us-east-1",function="f"} 2',
        'alonzo_dead_letter_errors_total{account="123456789012",region="us-east-1",function="g"} 1',
        "# TYPE alonzo_recursive_invocations_dropped_total counter",
    ]


def test_what_the_node_holds_is_a_gauge_each() -> None:
    assert gauges({"process_open_fds": 12, "alonzo_tasks": 0.25}).splitlines() == [
        "# TYPE process_open_fds gauge",
        "process_open_fds 12",
        "# TYPE alonzo_tasks gauge",
        "alonzo_tasks 0.25",
    ]
