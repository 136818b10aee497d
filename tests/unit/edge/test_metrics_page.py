"""What Prometheus reads."""

from alonzo.edge.metrics_page import exposition, gauges
from alonzo.invoke.admission import ConcurrencyPeak
from alonzo.model.scope import Scope
from alonzo.node.metrics import concurrency_levels
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


def test_what_runs_now_is_told_of_accounts_functions_and_versions() -> None:
    metrics = FunctionMetrics()
    metrics.set_levels({MetricKey(Metric.CONCURRENT_EXECUTIONS, HERE, "gone"): 1})
    account = ConcurrencyPeak(scope=HERE, running=3, unreserved=2)
    function = ConcurrencyPeak(scope=HERE, function_name="f", running=3)
    version = ConcurrencyPeak(scope=HERE, function_name="f", version="1", running=1, provisioned=4)
    levels = [concurrency_levels(each, lambda _, name, __: f"{name}:live") for each in (account, function, version)]
    metrics.set_levels({key: value for each in levels for key, value in each.items()})
    page = exposition(dict(metrics.iter_counts())).splitlines()
    of = 'account="123456789012",region="us-east-1"'
    assert [line for line in page if not line.startswith("#")] == [
        f"alonzo_concurrent_executions{{{of}}} 3",
        f'alonzo_concurrent_executions{{{of},function="f"}} 3',
        f"alonzo_unreserved_concurrent_executions{{{of}}} 2",
        f'alonzo_provisioned_concurrent_executions{{{of},function="f",resource="f:live",executed_version="1"}} 1',
        f'alonzo_provisioned_concurrency_utilization_percent{{{of},function="f",resource="f:live",executed_version="1"}} 25',
    ]
    assert "# TYPE alonzo_concurrent_executions gauge" in page


def test_counts_of_what_was_invoked_are_apart_from_those_of_functions() -> None:
    metrics = FunctionMetrics()
    metrics.add_count(Metric.INVOCATIONS, HERE, "f", by=3)
    metrics.add_resource_count(Metric.RESOURCE_INVOCATIONS, HERE, "f", "f:live", "1", by=2)
    for value in (5, 9, 7):
        metrics.note_most(Metric.MAX_MEMORY_USED, HERE, "f", value)
    page = exposition(dict(metrics.iter_counts()))
    labels = 'account="123456789012",region="us-east-1",function="f"'
    assert f"alonzo_invocations_total{{{labels}}} 3\n" in page
    assert f'alonzo_resource_invocations_total{{{labels},resource="f:live",executed_version="1"}} 2\n' in page
    assert f"alonzo_max_memory_used_megabytes{{{labels}}} 9\n" in page
