"""Whether an event matches a pattern.

An event is its fields: paths and values, where an array is several values of one path. Values that a pattern finds under an array of
objects must come from one and the same object, as AWS's own matcher has it (https://github.com/aws/event-ruler, "Array Consistency").
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alonzo.event_sources.conditions import IsAbsent, Scalar
from alonzo.event_sources.patterns import Alternatives, Field, Pattern, iter_fields

Place = Mapping[int, int]
"""Within which arrays of objects a value lies: the array's number in the event, and the index of the object."""


@dataclass(frozen=True, slots=True)
class _Value:
    value: Scalar
    place: Place


def matches(pattern: Pattern, event: Any) -> bool:
    """Whether the event, parsed from JSON, matches. One that is not an object matches nothing.

    The event's nesting is bounded by whoever parsed it.
    """
    if not isinstance(event, dict):
        return False
    wanted = {field.path for field in iter_fields(pattern)}
    fields = _Fields(wanted)
    fields.read(event, "", {})
    return _Search(fields.values).is_met(pattern.requirements, {})


class _Fields:
    """The values of the event at the paths that matter."""

    def __init__(self, wanted: set[str]) -> None:
        self._wanted = wanted
        self._ways = {path[:end] for path in wanted for end, character in enumerate(path) if character == "."} | wanted
        self._array_count = 0
        self.values: defaultdict[str, list[_Value]] = defaultdict(list)

    def read(self, content: Any, path: str, place: Place) -> None:
        if isinstance(content, dict):
            for name, value in content.items():
                below = f"{path}.{name}" if path else name
                if below in self._ways:
                    self.read(value, below, place)
        elif isinstance(content, list):
            number, self._array_count = self._array_count, self._array_count + 1
            for index, value in enumerate(content):
                self.read(value, path, {**place, number: index} if isinstance(value, dict) else place)
        elif path in self._wanted:
            self.values[path].append(_Value(content, place))


class _Search:
    def __init__(self, values: Mapping[str, list[_Value]]) -> None:
        self._values = values

    def is_met(self, requirements: Sequence[Field | Alternatives], place: Place) -> bool:
        """Whether values for all of them can be found that lie at places which agree with one another and with `place`."""
        # What no value meets at all is found out first: the search below then has little to try in vain.
        if not all(self._places(field) for field in requirements if isinstance(field, Field)):
            return False
        return self._search(requirements, place)

    def _search(self, requirements: Sequence[Field | Alternatives], place: Place) -> bool:
        for index, first in enumerate(requirements):
            rest = requirements[index + 1 :]
            if isinstance(first, Alternatives):
                return any(self.is_met((*alternative.requirements, *rest), place) for alternative in first.patterns)
            agreeing = [found for found in self._places(first) if all(place.get(array, at) == at for array, at in found.items())]
            if not any(found.items() <= place.items() for found in agreeing):
                return any(self._search(rest, {**place, **found}) for found in agreeing)
        return True

    def _places(self, field: Field) -> list[Place]:
        """Where values are that meet the field, each place once."""
        values = self._values.get(field.path)
        if not values:
            return [{}] if any(isinstance(condition, IsAbsent) for condition in field.conditions) else []
        places: dict[frozenset[tuple[int, int]], Place] = {}
        for value in values:
            if any(condition.accepts(value.value) for condition in field.conditions):
                places[frozenset(value.place.items())] = value.place
        return list(places.values())
