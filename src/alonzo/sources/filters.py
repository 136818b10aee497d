"""Which records go to the function. Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html."""

from collections.abc import Sequence
from typing import Any

import msgspec

from alonzo.event_sources.matching import matches
from alonzo.event_sources.patterns import FILTERS, parse_pattern


class RecordFilter:
    """The filters of one mapping. Without any, all records go to the function."""

    def __init__(self, filters: Sequence[str] | None) -> None:
        self._patterns = tuple(parse_pattern(text, FILTERS) for text in filters or ())

    @property
    def is_empty(self) -> bool:
        """Whether records need not be looked at."""
        return not self._patterns

    def keeps(self, record: dict[str, Any]) -> bool:
        """Whether one of the patterns matches. What the record carries (`body`, `data`, ...) has gone through `decoded`."""
        return not self._patterns or any(matches(pattern, record) for pattern in self._patterns)


def decoded(content: str | bytes) -> Any:
    """What a record carries, as filters see it: JSON if it is that, else text. A pattern for the one never matches the other."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return content if isinstance(content, str) else content.decode("utf-8", "replace")
