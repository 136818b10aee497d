"""A trace put together: subsegments that were sent alone go into the segments that they belong to."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from alonzo.observe.traces.documents import DEPTH_MAX

Document = dict[str, Any]
"""A segment document that was checked when it came in."""


def assemble(documents: Iterable[bytes]) -> list[Document]:
    """The segments, the earliest first, each with all subsegments that are known, by their time.

    A subsegment stands on its own if its parent has not come, or if it lies deeper than any program goes: then somebody plays with us.
    """
    decoded: list[Document] = [msgspec.json.decode(document) for document in documents]
    ids = {part["id"] for document in decoded for part in iter_parts(document)}
    children: dict[str, list[Document]] = {}
    standing: list[Document] = []
    for document in decoded:
        parent_id = document.get("parent_id")
        if document.get("type") == "subsegment" and parent_id in ids:
            children.setdefault(str(parent_id), []).append(document)
        else:
            standing.append(document)
    for document in standing:
        standing += _hang_up(document, children)
    while children:  # subsegments that name each other as parents hang nowhere, and shall be seen all the same
        _, circle = children.popitem()
        for document in circle:
            standing.append(document)
            standing += _hang_up(document, children)
    return sorted(standing, key=_start)


def iter_parts(document: Document) -> Iterator[Document]:
    """The segment and all in it, from the top."""
    waiting = [document]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += part.get("subsegments") or ()


def _hang_up(document: Document, children: dict[str, list[Document]]) -> list[Document]:
    """Put what belongs into a segment where it belongs; what would lie too deep is returned."""
    too_deep: list[Document] = []
    waiting = [(document, 1)]
    while waiting:
        part, depth = waiting.pop()
        own = children.pop(part["id"], None)
        if own is not None and depth < DEPTH_MAX:
            part["subsegments"] = sorted([*(part.get("subsegments") or ()), *own], key=_start)
        elif own is not None:
            too_deep += own
        waiting += [(each, depth + 1) for each in part.get("subsegments") or ()]
    return too_deep


def _start(document: Document) -> float:
    return float(document["start_time"])
