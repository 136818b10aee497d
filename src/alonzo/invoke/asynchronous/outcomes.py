"""Who is told how an event ended."""

import logging
from typing import Protocol

from alonzo.errors import AlonzoError
from alonzo.model.asynchronous import Condition, EventOutcome

_log = logging.getLogger(__name__)


class OutcomeUndeliverable(AlonzoError):
    """Nobody could be told, several times over. The event is done all the same."""


class OutcomeDelivery(Protocol):
    """Tells destinations and dead-letter queues. Awaited before the event is acknowledged: after a crash it may be asked again."""

    async def deliver(self, outcome: EventOutcome) -> None:
        """Tell whoever is configured, or nobody. `OutcomeUndeliverable` after a bounded number of tries, and nothing else."""
        ...


class LoggedOutcomes:
    """An `OutcomeDelivery` that tells nobody but the node's log, and that only of failures."""

    async def deliver(self, outcome: EventOutcome) -> None:
        """As the protocol says."""
        event = outcome.event
        if outcome.condition is not Condition.SUCCESS:
            _log.info(
                "an event ended with %s",
                outcome.condition.value,
                extra={"function": event.function_name, "request_id": event.request_id, "runs": outcome.invoke_count},
            )
