"""What the node's own process holds: what grows there and never falls again is a leak.

The names are those that every Prometheus client has: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics.
"""

import asyncio
from collections.abc import Callable, Mapping

import psutil

ReadProcess = Callable[[], Mapping[str, float]]


def read_process() -> dict[str, float]:
    """Gauges by name, as they are now. Called within the node's event loop, whose tasks are counted."""
    process = psutil.Process()
    with process.oneshot():
        return {
            "process_resident_memory_bytes": process.memory_info().rss,
            "process_open_fds": process.num_fds(),
            "alonzo_tasks": len(asyncio.all_tasks()),
        }
