"""A filter pattern, whichever of its three kinds it is."""

from collections.abc import Mapping
from typing import Protocol

from alonzo.observe.filter_patterns.columns import parse_columns
from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.json_selection import parse_json_selection
from alonzo.observe.filter_patterns.terms import parse_terms

PATTERN_MAX_CHARACTERS = 1_024
"""Source: botocore shape `FilterPattern`."""


class FilterPattern(Protocol):
    """Of one kind. Matching takes time in proportion to the message and does not fail, whatever is in it."""

    fields: frozenset[str] | None
    """The names that `match` may find something by; None: the pattern names nothing, whatever the message."""

    is_columns: bool
    """Whether it names columns: only then events that are delivered show what was found."""

    def match(self, message: str) -> Mapping[str, str] | None:
        """None if the message is not meant; else what the pattern has found in it, by name."""
        ...


def parse_filter_pattern(text: str, *, also: tuple[str, ...] = ()) -> FilterPattern:
    """Raises FilterPatternInvalid. The empty pattern matches everything.

    `also`: selectors of which values are found, too, where messages are JSON; the others find only what the pattern itself names.
    """
    if len(text) > PATTERN_MAX_CHARACTERS:
        raise FilterPatternInvalid(f"it has more than {PATTERN_MAX_CHARACTERS} characters")
    stripped = text.strip()
    if stripped.startswith("{"):
        return parse_json_selection(stripped, also=also)
    if stripped.startswith("["):
        return parse_columns(stripped)
    return parse_terms(stripped)
