"""Who is told how an event ended."""

from typing import Protocol

from alonzo.errors import AlonzoError
from alonzo.model.asynchronous import EventOutcome


class OutcomeUndeliverable(AlonzoError):
    """Somebody who was to be told could not be, several times over. The event is done all the same."""


class OutcomePutOff(AlonzoError):
    """The node stops before everybody was told: the event is to come again."""

    def __init__(self) -> None:
        super().__init__("the node stops")


class OutcomeDelivery(Protocol):
    """Tells destinations and dead-letter queues. Awaited before the event is acknowledged: after a crash it may be asked again."""

    async def deliver(self, outcome: EventOutcome) -> None:
        """Tell whoever is configured, or nobody. `OutcomeUndeliverable` after a bounded number of tries, `OutcomePutOff`, nothing else."""
        ...
