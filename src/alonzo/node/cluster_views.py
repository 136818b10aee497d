"""What people and programs are shown of several workers: one sum, whichever of them is asked.

What a worker has counted goes with it when it dies; so a sum may then be less than before, as after a restart.
"""

from collections.abc import Callable, Mapping

import msgspec

from alonzo.invoke.asynchronous.administration import QueueAdministration, QueueStatus
from alonzo.model.scope import Scope
from alonzo.node.cluster import Cluster
from alonzo.observe.function_metrics import DurationKey, Durations, FunctionMetrics, MetricKey, merged, summed
from alonzo.observe.metrics.distribution import Distribution

_METRICS, _DURATIONS, _QUEUES = "metrics", "durations", "queues"


class SharedMetrics:
    """The counts of all workers. A `CountSource`."""

    def __init__(self, cluster: Cluster, own: FunctionMetrics, gather: Callable[[], None]) -> None:
        self._cluster = cluster
        self._gather = gather
        self._own = own
        cluster.peers.answer(_METRICS, self._on_asked)
        cluster.peers.answer(_DURATIONS, self._on_asked_durations)

    async def collect(self) -> Mapping[MetricKey, int]:
        """As the protocol says; workers that do not answer are left out."""
        self._gather()
        counts = list(self._own.iter_counts())
        for answer in await self._cluster.collect(_METRICS):
            counts += msgspec.msgpack.decode(answer, type=list[tuple[MetricKey, int]])
        return summed(counts)

    async def collect_durations(self) -> Durations:
        """As the protocol says."""
        durations = list((await self._own.collect_durations()).items())
        for answer in await self._cluster.collect(_DURATIONS):
            durations += msgspec.msgpack.decode(answer, type=list[tuple[DurationKey, Distribution]])
        return merged(durations)

    async def _on_asked(self, _: bytes) -> bytes:
        self._gather()
        return msgspec.msgpack.encode(list(self._own.iter_counts()))

    async def _on_asked_durations(self, _: bytes) -> bytes:
        self._gather()
        return msgspec.msgpack.encode(list((await self._own.collect_durations()).items()))


class QueuesElsewhere:
    """The event queues as the other workers know them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def list_queues(self, scope: Scope) -> list[QueueStatus]:
        """Of all of them; those of one function may come several times."""
        answers = await self._cluster.collect(_QUEUES, msgspec.msgpack.encode(scope))
        return [status for answer in answers for status in msgspec.msgpack.decode(answer, type=list[QueueStatus])]


def answer_about_queues(cluster: Cluster, administration: QueueAdministration) -> None:
    """Tell other workers about the queues as this one knows them."""

    async def answer(question: bytes) -> bytes:
        return msgspec.msgpack.encode(await administration.list_own_queues(msgspec.msgpack.decode(question, type=Scope)))

    cluster.peers.answer(_QUEUES, answer)
