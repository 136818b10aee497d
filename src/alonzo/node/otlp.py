"""What is told an OpenTelemetry collector, wired: one sender for metrics and traces."""

import importlib
from typing import TYPE_CHECKING

from alonzo import __version__
from alonzo.node.configuration import Configuration

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
