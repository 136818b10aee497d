"""Which functions have Lambda Insights: what the operator says. Beside what commands import before they know what to do, and so light."""

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alonzo.model.function import FunctionVersion


class InsightsMode(StrEnum):
    """Which functions have Lambda Insights."""

    LAYER = "layer"
    """Those with AWS's layer, as on AWS."""
    ALL = "all"
    OFF = "off"

    def covers(self, version: "FunctionVersion") -> bool:
        """Whether a function has it. Those that run several invocations at once have none: nothing says whose time it was."""
        if version.capacity_provider is not None or self is InsightsMode.OFF:
            return False
        return self is InsightsMode.ALL or version.has_insights_layer
