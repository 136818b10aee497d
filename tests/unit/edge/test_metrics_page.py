"""What Prometheus reads."""

from alonzo.edge.metrics_page import exposition, gauges
from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import FunctionMetrics, Metric, MetricKey, summed

HERE = Scope("123456789012", "us-east-1")


def test_what_was_counted_is_a_sample_each() -> None:
    metrics = FunctionMetrics()
    for name in ("f", "g", "f"):
        metrics.count(Metric.DEAD_LETTER_ERRORS, HERE, name)
    assert exposition(dict(metrics.iter_counts())).splitlines()[:5] == [
        "# TYPE alonzo_destination_delivery_failures_total counter",
        "# TYPE alonzo_dead_letter_errors_total counter",
        'alonzo_dead_letter_errors_total{account="123456789012",region="us-east-1",function="f"} 2',
        'alonzo_dead_letter_errors_total{account="123456789012",region="us-east-1",function="g"} 1',
        "# TYPE alonzo_recursive_invocations_dropped_total counter",
    ]


def test_what_is_counted_of_mappings_names_them_and_an_age_is_no_count() -> None:
    metrics = FunctionMetrics()
    metrics.count(Metric.POLLED_EVENT_COUNT, HERE, "f", by=7, mapping_uuid="u")
    metrics.set_gauge(Metric.ITERATOR_AGE, HERE, "f", 250, mapping_uuid="u")
    page = exposition(dict(metrics.iter_counts())).splitlines()
    labels = 'account="123456789012",region="us-east-1",function="f",mapping="u"'
    assert f"alonzo_polled_event_count_total{{{labels}}} 7" in page
    assert page[page.index("# TYPE alonzo_iterator_age_milliseconds gauge") + 1] == f"alonzo_iterator_age_milliseconds{{{labels}}} 250"


def test_counts_of_several_nodes_are_added_up_and_of_ages_the_highest_counts() -> None:
    count, age = MetricKey(Metric.POLLED_EVENT_COUNT, HERE, "f", "u"), MetricKey(Metric.ITERATOR_AGE, HERE, "f", "u")
    assert summed([(count, 2), (age, 9), (count, 3), (age, 4)]) == {count: 5, age: 9}


def test_what_the_node_holds_is_a_gauge_each() -> None:
    assert gauges({"process_open_fds": 12, "alonzo_tasks": 0.25}).splitlines() == [
        "# TYPE process_open_fds gauge",
        "process_open_fds 12",
        "# TYPE alonzo_tasks gauge",
        "alonzo_tasks 0.25",
    ]
