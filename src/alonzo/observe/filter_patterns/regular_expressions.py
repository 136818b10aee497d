"""The regular expressions between `%` in filter patterns: a small language, matched in linear time by RE2.

Whoever may write log lines must not be able to hold up the server with them: Python's own engine can be held up for ever.
"""

import re
from collections.abc import Callable

from alonzo.observe.filter_patterns.errors import FilterPatternInvalid

EXPRESSIONS_MAX = 2
"""In one pattern of JSON or columns."""

_ALLOWED = re.compile(r"[A-Za-z0-9:_#=@/;,\- ^$?\[\]{}|\\*+.]+")
_MEMORY_MAX_BYTES = 1 << 20
_REPETITIONS_MAX_CHARACTERS = 256


def compile_expression(text: str) -> Callable[[str], bool]:
    """Whether a text contains it. Raises FilterPatternInvalid."""
    if _ALLOWED.fullmatch(text) is None:
        raise FilterPatternInvalid(f"the regular expression %{text}% has characters that are not supported")
    if len(text) > _REPETITIONS_MAX_CHARACTERS:
        raise FilterPatternInvalid("the regular expression is too long")
    import re2  # noqa: PLC0415 - with the first pattern that has one: few have

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_MAX_BYTES
    try:
        expression = re2.compile(text, options=options)
    except re2.error as error:
        raise FilterPatternInvalid(f"the regular expression %{text}% is none: {error}") from error
    return lambda value: expression.search(value) is not None
