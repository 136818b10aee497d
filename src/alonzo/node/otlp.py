"""What is told an OpenTelemetry collector, wired: one sender for metrics and traces."""

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from alonzo import __version__
from alonzo.clock import Clock
from alonzo.node.configuration import Configuration
from alonzo.observe.function_metrics import FunctionMetrics
from alonzo.observe.metrics.recorder import MetricSet, MinutePoints

if TYPE_CHECKING:
    from alonzo.observe.otlp import OtlpSender


def open_otlp(configuration: Configuration) -> "OtlpSender | None":
    """To be run while the node lives; None if nobody is to be told."""
    endpoint = configuration.otlp_endpoint
    if endpoint is None:
        return None
    sender: OtlpSender = importlib.import_module("alonzo.observe.otlp").OtlpSender(
        endpoint=endpoint, user_agent=f"OTel-OTLP-Exporter-Alonzo/{__version__}"
    )
    return sender


def metric_export(
    sender: "OtlpSender", functions: FunctionMetrics, *, instance: str, clock: Clock
) -> Callable[[Mapping[tuple[MetricSet, int], MinutePoints]], None]:
    """What exports metrics when they are kept. `instance`: this node's name among others."""
    export: Any = importlib.import_module("alonzo.observe.metrics.export").MetricExport(
        sender=sender, instance=instance, version=__version__, started_unix_ms=clock.unix_ms()
    )

    def send(points: Mapping[tuple[MetricSet, int], MinutePoints]) -> None:
        export.export(points=points, counts=dict(functions.iter_counts()), durations=functions.durations, unix_ms=clock.unix_ms())

    return send
