"""Regular expressions and globs of queries, matched in linear time by RE2: whoever writes log lines must not hold up the server."""

import re
from collections.abc import Callable
from typing import Any

_MEMORY_MAX_BYTES = 8 << 20
_JAVA_GROUP = re.compile(r"\(\?<(?=[A-Za-z])")
Extract = Callable[[str], dict[str, str] | None]


class NotAnExpression(ValueError):
    """RE2 does not take it."""


def _compile(text: str) -> Any:
    import re2  # noqa: PLC0415 - with the first query that has one

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_MAX_BYTES
    try:
        return re2.compile(_JAVA_GROUP.sub("(?P<", text), options=options)
    except re2.error as error:
        raise NotAnExpression(str(error)) from error


def search_with(text: str) -> Callable[[str], bool]:
    """Whether a text contains the expression. NotAnExpression."""
    expression = _compile(text)
    return lambda value: expression.search(value) is not None


def extract_with_regex(text: str) -> tuple[Extract, tuple[str, ...]]:
    """What an expression's named groups find, and their names. NotAnExpression."""
    expression = _compile(text)
    names = tuple(sorted(expression.groupindex, key=expression.groupindex.get))

    def extract(value: str) -> dict[str, str] | None:
        found = expression.search(value)
        return None if found is None else {name: text for name, text in found.groupdict().items() if text is not None}

    return extract, names


def extract_with_glob(text: str, names: tuple[str, ...]) -> Extract:
    """What the stars of a glob stand for, under these names."""
    parts = text.split("*")
    groups = ["(.*?)"] * (len(parts) - 1)
    if groups and not parts[-1]:
        groups[-1] = "(.*)"
    source = "".join(re.escape(part) + group for part, group in zip(parts, [*groups, ""], strict=True))
    expression = _compile(f"(?s){source}")

    def extract(value: str) -> dict[str, str] | None:
        found = expression.search(value)
        return None if found is None else dict(zip(names, found.groups(), strict=True))

    return extract
