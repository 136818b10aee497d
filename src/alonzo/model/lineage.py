"""Lineage: how often a chain of requests has invoked which functions, as the X-Ray tracing header carries it.

The header is a list of `name=value` joined by `;`. Its field `Lineage` holds `mark:count` for each function of the chain, joined by `|`,
the one that was invoked last at the end; the count is that of its invocations before this one. The header travels from the caller to the
function, from there with every call of an AWS SDK, and with the messages of the services that support it, back to Lambda. Sources:
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader,
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html.

Whoever sends the header may have written anything: what does not look like a lineage is left out.
"""

import hashlib
import re
from functools import lru_cache
from urllib.parse import unquote

from alonzo.model.names import function_arn
from alonzo.model.scope import Scope

ROUNDS_MAX = 16
"""Invocations of one function in one chain; the next one is stopped. Source: the page on recursion."""

MARKS_MAX = 32
"""Functions of one chain that are remembered, the latest: loops of more functions than that are not seen."""

COUNT_MAX = 65_535
"""Functions that may go round for ever are counted no further."""

FIELD = "Lineage"
_ENTRY = re.compile(r"([0-9a-f]{8}):([0-9]{1,5})")
_SEPARATOR = "|"
_MARKS_REMEMBERED = 1_024


@lru_cache(maxsize=_MARKS_REMEMBERED)
def mark_of(scope: Scope, function_name: str) -> str:
    """What stands for a function in lineages, the same on every node: eight hexadecimal digits. AWS does not say how it makes them."""
    return hashlib.blake2b(function_arn(scope, function_name).encode(), digest_size=4).hexdigest()


def begun(header: str, mark: str) -> str:
    """A header that has no lineage yet, with that of a first invocation: it stands last."""
    return f"{header};{FIELD}={mark}:0"


def advanced(header: str, mark: str) -> str:
    """The header with which the function of this mark is invoked, given the one that came.

    The lineage stands last, other fields stay as they are.
    """
    if FIELD.lower() not in header.lower():
        return begun(header, mark)
    others, counts = _parse(header)
    before = counts.pop(mark, -1)
    counts[mark] = min(before + 1, COUNT_MAX)
    entries = [f"{each}:{count}" for each, count in counts.items()][-MARKS_MAX:]
    return ";".join((*others, f"{FIELD}={_SEPARATOR.join(entries)}"))


def count_of(header: str, mark: str) -> int:
    """How often the chain had invoked the function before the invocation that this header belongs to."""
    return _parse(header)[1].get(mark, 0) if mark in header else 0


def _parse(header: str) -> tuple[list[str], dict[str, int]]:
    """The other fields as they are, and what the lineage says; of a mark that stands there twice the larger count."""
    others: list[str] = []
    counts: dict[str, int] = {}
    for field in header.split(";"):
        name, _, value = field.partition("=")
        if name.strip().lower() != FIELD.lower():
            others.append(field)
            continue
        # botocore percent-encodes the separator when it passes the header on (its `add_recursion_detection_header`).
        for entry in unquote(value).split(_SEPARATOR):
            match = _ENTRY.fullmatch(entry.strip())
            if match is not None:
                counts[match[1]] = max(counts.get(match[1], 0), min(int(match[2]), COUNT_MAX))
    return others, counts
