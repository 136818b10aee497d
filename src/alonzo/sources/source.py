"""What a kind of source implements, and what it is given for that."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from alonzo.clock import Clock
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.model.scope import Scope
from alonzo.sources.broker_addresses import BrokerAddresses
from alonzo.sources.failures import FailureDelivery
from alonzo.sources.invoking import BatchInvoker
from alonzo.sources.metrics import SourceMetrics
from alonzo.sources.notices import WriteNotices
from alonzo.sources.system_log import SystemLog


@dataclass(frozen=True, slots=True)
class Unit:
    """What is polled by one poller at a time: a shard, a partition, a queue. The name is unique within the mapping.

    `parents`: units that must have been read to their end before this one, as far as they are still there.
    """

    name: str
    parents: tuple[str, ...] = ()


class PolledUnit(Protocol):
    """A unit whose lease is held here; see `HeldUnit`."""

    name: str
    stopping: asyncio.Event
    """Set when the unit is to be given up: finish what is in hand, begin nothing more (no retry either), return from `poll`."""

    @property
    def checkpoint(self) -> str | None:
        """Where the last holder was, in the kind's own words; None when the unit has never been polled."""
        ...

    def save(self, checkpoint: str) -> None:
        """Everything up to here is done. Written in the background, the newest one only; what is lost by a crash is read again."""
        ...

    def finish(self) -> None:
        """The unit is at its end (a closed shard): it is not polled again, and its children may begin. Then return from `poll`."""
        ...


class Source(Protocol):
    """The source of one mapping while it is polled at this node. Made by a `SourceOpener`.

    Settings and function do not change in its lifetime: a mapping that is changed gets a new one.
    """

    async def list_units(self) -> Sequence[Unit]:
        """All there are now, whoever polls them; asked again every few seconds. `SourceProblem`, errors of AWS calls."""
        ...

    async def poll(self, unit: PolledUnit) -> None:
        """Read, invoke, checkpoint or acknowledge, until `unit.stopping` is set or the unit is at its end.

        Called once for every unit that is held, at the same time. `SourceProblem` and errors of AWS calls: it is called again after a
        pause, from the checkpoint. Cancelled (the lease is lost, the node ends): leave at once, acknowledge nothing more.
        """
        ...

    async def aclose(self) -> None:
        """Close connections. No unit is polled any more."""
        ...


class AwsServices(Protocol):
    """Other AWS services; see `AwsClients`."""

    async def call(
        self,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        *,
        scope: Scope,
        trace_header: str | None = None,
        answer_max_bytes: int = ...,
        is_long_poll: bool = False,
    ) -> dict[str, Any]: ...

    def is_companion(self, service: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerKit:
    """What the poller of a mapping is given, made for this mapping."""

    services: AwsServices
    brokers: BrokerAddresses
    invoker: BatchInvoker
    failures: FailureDelivery
    metrics: SourceMetrics
    log: SystemLog
    report: Callable[[str], None]
    """Sets `LastProcessingResult`: `OK`, or `PROBLEM: ...`. Cheap when it is the same as before."""
    notices: WriteNotices
    """Tells when somebody has written to a source that is reached through this node."""
    started_unix_ms: Callable[[], Awaitable[int]]
    """When the mapping was enabled for the first time; always the same. Where LATEST begins. Errors: the store's."""
    clock: Clock


SourceOpener = Callable[[EventSourceMapping, PollerKit], Awaitable[Source]]
"""Errors as of `Source.list_units`."""

FUNCTION_FAILED = "PROBLEM: Function call failed"
"""Source: answers of AWS as its users show them. The other result, of success, is `OK` of `processing_results.py`."""
