"""How many pollers a mapping has: members of its consumer group, never more than there are partitions.

Source: https://docs.aws.amazon.com/lambda/latest/dg/kafka-scaling-modes.html. AWS looks once a minute and says nothing of its measure; here
a group grows when it is behind by more than some batches for each member, and shrinks after a while without anything to read.
"""

from alonzo.model.event_source_mapping import ProvisionedPollers

_BATCHES_BEHIND = 10
_IDLE_LOOKS = 12


class PollerCount:
    """Of one mapping. `provisioned` None: AWS's on-demand mode."""

    def __init__(self, *, provisioned: ProvisionedPollers | None, batch_size: int) -> None:
        self._minimum = (provisioned and provisioned.minimum) or 1
        self._maximum = provisioned.maximum if provisioned is not None else None
        self._batch_size = batch_size
        self._count = self._minimum
        self._idle_looks = 0

    def look(self, *, partitions: int, lag: int) -> int:
        """How many there are to be now. `lag`: how many records are unread."""
        self._idle_looks = 0 if lag else self._idle_looks + 1
        if lag > self._count * self._batch_size * _BATCHES_BEHIND:
            self._count *= 2
        elif self._idle_looks >= _IDLE_LOOKS:
            self._idle_looks = 0
            self._count //= 2
        ceiling = min(partitions, partitions if self._maximum is None else self._maximum)
        self._count = max(1, min(max(self._count, self._minimum), ceiling))
        return self._count
