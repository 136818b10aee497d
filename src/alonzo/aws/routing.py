"""Which operation a request means: method and path against the `requestUri`s of a REST service's model.

Paths are split while still percent-encoded, so that a label may hold an encoded slash (ARNs of durable executions do).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from alonzo.aws.query_string import query_items
from alonzo.aws.service_description import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An operation and what the labels of its path (`{FunctionName}`) stand for, decoded."""

    operation: Operation
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    operation: Operation
    label_names: tuple[str, ...]
    query: frozenset[tuple[str, str]]


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    label: "_Node | None" = None
    candidates: dict[str, list[_Candidate]] = field(default_factory=dict)


class RouteTable:
    """A tree of path segments; a literal segment wins over a label, a `requestUri` with a query over one without."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def find(self, *, method: str, path: str, query_string: str) -> Route | None:
        """The operation of a request; a slash at the end is ignored, as older SDKs send one."""
        segments = _segments(path)
        for node, values in _matches(self._root, segments, ()):
            for candidate in node.candidates.get(method, ()):
                if candidate.query and not candidate.query <= frozenset(query_items(query_string)):
                    continue
                labels = {name: unquote(value) for name, value in zip(candidate.label_names, values, strict=True)}
                return Route(operation=candidate.operation, labels=labels)
        return None

    def _add(self, operation: Operation) -> None:
        path, _, query = operation.http.request_uri.partition("?")
        node = self._root
        label_names = []
        for segment in _segments(path):
            if segment.startswith("{"):
                label_names.append(segment.strip("{}"))
                node.label = node.label or _Node()
                node = node.label
            else:
                node = node.literals.setdefault(segment, _Node())
        candidates = node.candidates.setdefault(operation.http.method, [])
        candidates.append(_Candidate(operation=operation, label_names=tuple(label_names), query=frozenset(query_items(query))))
        candidates.sort(key=lambda candidate: -len(candidate.query))


def _matches(node: _Node, segments: tuple[str, ...], values: tuple[str, ...]) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    """Every place of the tree that the segments lead to, the most literal first. At most two branches a level, and few levels."""
    if not segments:
        yield node, values
        return
    literal = node.literals.get(segments[0])
    if literal is not None:
        yield from _matches(literal, segments[1:], values)
    if node.label is not None:
        yield from _matches(node.label, segments[1:], (*values, segments[0]))


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.removeprefix("/").removesuffix("/").split("/"))
