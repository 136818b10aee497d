"""The regular expressions of AWS's models, which are Java's, as Python's.

The differences that occur in them: classes are ASCII unless they are properties (`\\p{L}`), and a hyphen behind a class is itself
(`[\\w-_]`).
"""

import re

_PROPERTIES = (
    (r"\p{L}", r"\w"),
    (r"\p{N}", r"\w"),
    (r"\p{Z}", r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"),
)
"""Letters and numbers together are Python's `\\w` but for the underscore, which every pattern with these properties allows anyway."""
_HYPHEN_BEHIND_CLASS = re.compile(r"(\\[wdsWDS])-(?!\])")


def compile_java_pattern(pattern: str) -> re.Pattern[str] | None:
    """The pattern for `fullmatch`, or None for one that says something we do not know: nothing is refused then."""
    text = _HYPHEN_BEHIND_CLASS.sub(r"\1\\-", pattern)
    for java, python in _PROPERTIES:
        text = text.replace(java, python)
    flags = re.NOFLAG if r"\p{" in pattern else re.ASCII
    try:
        return re.compile(text, flags)
    except re.error:
        return None
