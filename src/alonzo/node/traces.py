"""Traces, wired: where they are kept, who decides what is traced, X-Ray's API over them."""

import random
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from alonzo import ids
from alonzo.clock import Clock
from alonzo.edge.operations import OperationTable
from alonzo.edge.trace_headers import TraceHeaders
from alonzo.edge.xray_api import TraceSource, XRayOperations
from alonzo.model.scope import Scope
from alonzo.node.cluster import Cluster
from alonzo.node.trace_export import TraceExport
from alonzo.observe.traces.sampling import Sampler
from alonzo.observe.traces.store import StoredTrace, TraceStore

if TYPE_CHECKING:
    from alonzo.observe.otlp import OtlpSender

TRACES_MAX_BYTES = 32 << 20
TRACES_MAX_AGE_SECONDS = 6 * 3_600.0
_TOPIC = "traces"
_ANSWER_MAX_BYTES = 4 << 20
"""What one worker tells another at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Made by `wire_traces`."""

    store: TraceStore
    headers: TraceHeaders
    operations: OperationTable
    """Of the service `xray`."""
    components: tuple[Coroutine[Any, Any, None], ...]
    """To be run."""


def wire_traces(*, cluster: Cluster | None, otlp: "OtlpSender | None", clock: Clock) -> Traces:
    """`otlp`: who is told of all spans."""
    store = TraceStore(clock=clock, max_bytes=TRACES_MAX_BYTES, max_age_seconds=TRACES_MAX_AGE_SECONDS)
    source: TraceSource = OwnTraces(store) if cluster is None else SharedTraces(cluster, store)
    # Not for secrets: which requests are traced may be guessed.
    headers = TraceHeaders(ids=ids.IdSource(), sampler=Sampler(clock=clock, random=random.random))
    return Traces(
        store=store,
        headers=headers,
        operations=XRayOperations(store=store, source=source, clock=clock).table(),
        components=() if otlp is None else (TraceExport(store=store, sender=otlp).run(),),
    )


class OwnTraces:
    """Those of this process. A `TraceSource`."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store

    async def find(self, scope: Scope, trace_ids: Sequence[str]) -> list[StoredTrace]:
        """Those that are there."""
        return self._store.find(scope, trace_ids)

    async def list_between(self, scope: Scope, start_seconds: float, end_seconds: float) -> list[StoredTrace]:
        """The newest first."""
        return list(self._store.iter_between(scope, start_seconds, end_seconds))


class _Question(msgspec.Struct, frozen=True):
    scope: Scope
    trace_ids: tuple[str, ...] | None = None
    start_seconds: float = 0.0
    end_seconds: float = 0.0


class SharedTraces:
    """Those of all workers: one trace may have parts at several. A `TraceSource`. Workers that do not answer are left out."""

    def __init__(self, cluster: Cluster, own: TraceStore) -> None:
        self._cluster = cluster
        self._own = own
        cluster.peers.answer(_TOPIC, self._on_asked)

    async def find(self, scope: Scope, trace_ids: Sequence[str]) -> list[StoredTrace]:
        """Those that are anywhere."""
        found = await self._ask(_Question(scope, tuple(trace_ids)))
        return [found[trace_id] for trace_id in dict.fromkeys(trace_ids) if trace_id in found]

    async def list_between(self, scope: Scope, start_seconds: float, end_seconds: float) -> list[StoredTrace]:
        """The newest first."""
        found = await self._ask(_Question(scope, None, start_seconds, end_seconds))
        return sorted(found.values(), key=lambda trace: trace.start_seconds, reverse=True)

    async def _ask(self, question: _Question) -> dict[str, StoredTrace]:
        found: dict[str, StoredTrace] = {}
        answers = await self._cluster.collect(_TOPIC, msgspec.msgpack.encode(question))
        theirs = [trace for answer in answers for trace in msgspec.msgpack.decode(answer, type=list[StoredTrace])]
        for trace in [*self._answer(question), *theirs]:
            known = found.get(trace.id)
            found[trace.id] = trace if known is None else known.merge(trace)
        return found

    async def _on_asked(self, question: bytes) -> bytes:
        answer, byte_count = [], 0
        for trace in self._answer(msgspec.msgpack.decode(question, type=_Question)):
            byte_count += trace.byte_count
            if byte_count > _ANSWER_MAX_BYTES:
                break
            answer.append(trace)
        return msgspec.msgpack.encode(answer)

    def _answer(self, question: _Question) -> list[StoredTrace]:
        if question.trace_ids is not None:
            return self._own.find(question.scope, question.trace_ids)
        return list(self._own.iter_between(question.scope, question.start_seconds, question.end_seconds))
