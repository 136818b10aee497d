"""The service map: who calls whom, how often, how well, how quickly.

Source: https://docs.aws.amazon.com/xray/latest/api/API_Service.html.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from alonzo.observe.traces.facts import Service, TraceFacts, called_service_of, seconds_of, service_of, unanswered_calls
from alonzo.observe.traces.trees import Document, iter_parts


@dataclass
class Statistics:
    """Of the requests to a service, or along an edge of the map."""

    total_count: int = 0
    error_count: int = 0
    throttle_count: int = 0
    fault_count: int = 0
    total_seconds: float = 0.0
    start_seconds: float = float("inf")
    end_seconds: float = 0.0
    durations: dict[float, int] = field(default_factory=dict)
    """How often something took so many seconds, to the millisecond."""

    @property
    def ok_count(self) -> int:
        """Those that went well."""
        return self.total_count - self.error_count - self.fault_count

    def note(self, part: Document) -> None:
        """One request more."""
        seconds = seconds_of(part)
        self.total_count += 1
        self.throttle_count += part.get("throttle") is True
        if part.get("fault") is True:
            self.fault_count += 1
        elif part.get("error") is True:
            self.error_count += 1
        self.total_seconds += seconds
        self.start_seconds = min(self.start_seconds, float(part["start_time"]))
        self.end_seconds = max(self.end_seconds, float(part.get("end_time") or part["start_time"]))
        rounded = round(seconds, 3)
        self.durations[rounded] = self.durations.get(rounded, 0) + 1


@dataclass
class Node:
    """A service of the map. `reference`: the number that edges know it by."""

    reference: int
    service: Service
    is_root: bool = False
    statistics: Statistics = field(default_factory=Statistics)
    edges: dict[int, Statistics] = field(default_factory=dict)


def build_service_graph(traces: Iterable[TraceFacts]) -> list[Node]:
    """The map of what these traces tell."""
    nodes: dict[Service, Node] = {}

    def node_of(service: Service) -> Node:
        return nodes.setdefault(service, Node(len(nodes), service))

    for trace in traces:
        owners = {part["id"]: segment for segment in trace.segments for part in iter_parts(segment)}
        for segment in trace.segments:
            node = node_of(service_of(segment))
            node.statistics.note(segment)
            caller = owners.get(segment.get("parent_id") or "")
            if caller is None or caller is segment:
                node.is_root = True
            else:
                node_of(service_of(caller)).edges.setdefault(node.reference, Statistics()).note(segment)
            for part in unanswered_calls(segment, trace.segments):
                called = node_of(called_service_of(part))
                called.statistics.note(part)
                node.edges.setdefault(called.reference, Statistics()).note(part)
    return list(nodes.values())
