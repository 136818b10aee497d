"""`GET /_alonzo/metrics`: what was counted of functions, and what the node itself holds, in Prometheus' text format.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

import re
from collections.abc import Mapping

from alonzo.edge.asgi import AsgiScope, Endpoint, Receive, Send, send_response
from alonzo.observe.function_metrics import DURATION_BOUNDS, GAUGES, CountSource, Duration, Durations, Metric, MetricKey
from alonzo.observe.process_metrics import ReadProcess

METRICS_PATH = b"/_alonzo/metrics"
PROMETHEUS_PATH = b"/metrics"
"""Where Prometheus looks unless it is told another path: the same page."""
_CONTENT_TYPE = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_READ_METHODS = frozenset({"GET", "HEAD"})


def metrics_page(metrics: CountSource, read_process: ReadProcess) -> Endpoint:
    """The endpoint."""

    async def answer(scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["method"] in _READ_METHODS:
            counts, durations = await metrics.collect(), await metrics.collect_durations()
            text = exposition(counts) + histograms(durations) + gauges(read_process())
            await send_response(send, 200, [_CONTENT_TYPE], text.encode())
        else:
            await send_response(send, 405, [(b"allow", b"GET, HEAD")], b"")

    return answer


def exposition(counts: Mapping[MetricKey, int]) -> str:
    """The page. Names of functions and scopes need no escaping: nothing but letters, digits, `-`, `_` and `.` is in them."""
    samples: dict[Metric, list[str]] = {metric: [] for metric in Metric}
    for key, count in counts.items():
        samples[key.metric].append(f"{_name(key.metric)}{{{_labels(key)}}} {count}\n")
    return "".join(f"# TYPE {_name(metric)} {_type(metric)}\n{''.join(lines)}" for metric, lines in samples.items())


def histograms(durations: Durations) -> str:
    """What was timed, in seconds. The bounds are powers of two of milliseconds, at which buckets end: the counts are exact."""
    samples: dict[Duration, list[str]] = {duration: [] for duration in Duration}
    for key, values in durations.items():
        name = f"alonzo_{key.duration.value}_duration_seconds"
        labels = f'account="{key.scope.account_id}",region="{key.scope.region}",function="{key.function_name}"'
        lines = samples[key.duration]
        for power, bound in DURATION_BOUNDS:
            lines.append(f'{name}_bucket{{{labels},le="{bound:g}"}} {values.count_up_to(power):.0f}\n')
        lines.append(f'{name}_bucket{{{labels},le="+Inf"}} {values.count:.0f}\n')
        lines.append(f"{name}_sum{{{labels}}} {values.sum / 1_000:.17g}\n{name}_count{{{labels}}} {values.count:.0f}\n")
    return "".join(f"# TYPE alonzo_{duration.value}_duration_seconds histogram\n{''.join(lines)}" for duration, lines in samples.items())


def gauges(values: Mapping[str, float]) -> str:
    """Samples without labels, of what may rise and fall."""
    return "".join(f"# TYPE {name} gauge\n{name} {value:.17g}\n" for name, value in values.items())


def _labels(key: MetricKey) -> str:
    labels = f'account="{key.scope.account_id}",region="{key.scope.region}"'
    if key.function_name:
        labels += f',function="{key.function_name}"'
    if key.mapping_uuid is not None:
        labels += f',mapping="{key.mapping_uuid}"'
    if key.resource is not None:
        labels += f',resource="{key.resource}"'
    if key.executed_version is not None:
        labels += f',executed_version="{key.executed_version}"'
    return labels


def _type(metric: Metric) -> str:
    return "gauge" if metric in GAUGES else "counter"


def _name(metric: Metric) -> str:
    return f"alonzo_{_WORD.sub('_', metric.value).lower()}_{GAUGES.get(metric, 'total')}".removesuffix("_")
