"""Policies that are resources of their own and are put on others: on queues, topics, buckets."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alonzo.companion.cloudformation.resources.provider import Existing, Made, Wanted, is_missing


@dataclass(frozen=True, kw_only=True)
class AttachedPolicy:
    """A `Provider`. `holders`: the property that names one or several; `put`: gives one its policy, empty for none."""

    service: str
    holders: str
    put: Callable[[Any, str, str], None]

    def create(self, wanted: Wanted) -> Made:
        """On all of them."""
        self._put_all(wanted)
        return Made(physical_id=wanted.new_name())

    def replaces(self, wanted: Wanted, existing: Existing) -> bool:
        """Never."""
        return False

    def update(self, wanted: Wanted, existing: Existing) -> Made:
        """On all of them, and off the others."""
        kept = _names(wanted.properties[self.holders])
        for holder in _names(existing.properties[self.holders]):
            if holder not in kept:
                self.put(wanted.client(self.service), holder, "")
        self._put_all(wanted)
        return Made(physical_id=existing.physical_id)

    def delete(self, wanted: Wanted, existing: Existing) -> None:
        """Off all that are still there."""
        client = wanted.client(self.service)
        for holder in _names(existing.properties[self.holders]):
            try:
                self.put(client, holder, "")
            except client.exceptions.ClientError as error:
                if not is_missing(error):
                    raise

    def _put_all(self, wanted: Wanted) -> None:
        document = wanted.properties["PolicyDocument"]
        for holder in _names(wanted.properties[self.holders]):
            self.put(wanted.client(self.service), holder, document if isinstance(document, str) else json.dumps(document))


def _names(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
