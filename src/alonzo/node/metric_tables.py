"""What is kept of metrics: their values, which there are, and the alarms on them."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from alonzo.node.tables import Component
from alonzo.observe.metrics.sources import KnownMetrics
from alonzo.store.connection import Connection
from alonzo.store.metric_stream import MetricStore
from alonzo.store.record_archive import RecordArchive
from alonzo.store.records import RecordTable
from alonzo.triggers.alarms.records import Alarm

_MAX_BYTES = 512 << 20
_DISK_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTables:
    """Made by `open_metric_tables`."""

    values: MetricStore
    known: RecordArchive[KnownMetrics]
    alarms: RecordTable[Alarm]

    @property
    def followers(self) -> tuple[Component, ...]:
        """What keeps them up to date."""
        return (self.alarms.run,)


async def open_metric_tables(connection: Connection, *, data_directory: Path) -> MetricTables:
    """Errors: the store's."""
    max_bytes = min(_MAX_BYTES, int(shutil.disk_usage(data_directory).free * _DISK_SHARE))
    async with asyncio.TaskGroup() as group:
        values = group.create_task(MetricStore.open(connection, max_bytes=max(max_bytes, 1)))
        known = group.create_task(RecordArchive.open(connection, name="metrics", record_type=KnownMetrics))
        alarms = group.create_task(RecordTable.open(connection, name="alarms", record_type=Alarm))
    return MetricTables(values=values.result(), known=known.result(), alarms=alarms.result())
