"""What X-Ray says of traces and of the services in them, in the shapes of its API."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from alonzo.observe.traces.facts import Service, TraceFacts
from alonzo.observe.traces.service_graph import Node, Statistics

Members = dict[str, Any]
_HTTP_MEMBERS = {"url": "HttpURL", "method": "HttpMethod", "client_ip": "ClientIp", "user_agent": "UserAgent", "status": "HttpStatus"}


def summary_answer(facts: TraceFacts) -> Members:
    """A `TraceSummary`."""
    http = {_HTTP_MEMBERS[name]: value for name, value in facts.http.items() if isinstance(value, int if name == "status" else str)}
    services = facts.services
    return {
        "Id": facts.id,
        "StartTime": _moment(facts.start_seconds),
        "Duration": round(facts.duration_seconds, 3),
        "ResponseTime": round(facts.response_seconds, 3),
        "HasFault": facts.has("fault"),
        "HasError": facts.has("error"),
        "HasThrottle": facts.has("throttle"),
        "IsPartial": facts.is_partial,
        "Http": http,
        "Annotations": {
            key: [{"AnnotationValue": _annotation(value), "ServiceIds": [_service_id(service)]} for value, service in values]
            for key, values in facts.annotations.items()
        },
        "Users": [{"UserName": user, "ServiceIds": [_service_id(service)]} for user, service in facts.users.items()],
        "ServiceIds": [_service_id(service) for service in services],
        "ResourceARNs": [{"ARN": arn} for arn in dict.fromkeys(service.arn for service in services) if isinstance(arn, str)],
        "InstanceIds": [],
        "AvailabilityZones": [],
        "EntryPoint": next((_service_id(service) for service in services if service.name == facts.root["name"]), None),
        "FaultRootCauses": [],
        "ErrorRootCauses": [],
        "ResponseTimeRootCauses": [],
        "Revision": facts.revision,
        "MatchedEventTime": _moment(facts.start_seconds),
    }


def edge_answers(nodes: Iterable[Node]) -> list[Members]:
    """The `Services` of a graph, with their `Edges`."""
    return [_node(node) for node in nodes]


def _node(node: Node) -> Members:
    span = _span(node.statistics)
    return {
        "ReferenceId": node.reference,
        "Name": node.service.name,
        "Names": [node.service.name],
        "Root": node.is_root,
        "AccountId": node.service.account_id,
        "Type": node.service.type,
        "State": "unknown" if node.service.is_inferred else "active",
        **span,
        "Edges": [
            {
                "ReferenceId": reference,
                **_span(statistics),
                "SummaryStatistics": _statistics(statistics),
                "ResponseTimeHistogram": _histogram(statistics),
                "Aliases": [],
            }
            for reference, statistics in node.edges.items()
        ],
        "SummaryStatistics": _statistics(node.statistics),
        "DurationHistogram": _histogram(node.statistics),
        "ResponseTimeHistogram": _histogram(node.statistics),
    }


def _statistics(statistics: Statistics) -> Members:
    return {
        "OkCount": statistics.ok_count,
        "ErrorStatistics": {
            "ThrottleCount": statistics.throttle_count,
            "OtherCount": max(0, statistics.error_count - statistics.throttle_count),
            "TotalCount": statistics.error_count,
        },
        "FaultStatistics": {"OtherCount": statistics.fault_count, "TotalCount": statistics.fault_count},
        "TotalCount": statistics.total_count,
        "TotalResponseTime": round(statistics.total_seconds, 3),
    }


def _histogram(statistics: Statistics) -> list[Members]:
    return [{"Value": seconds, "Count": count} for seconds, count in sorted(statistics.durations.items())]


def _span(statistics: Statistics) -> Members:
    if not statistics.total_count:
        return {}
    return {"StartTime": _moment(statistics.start_seconds), "EndTime": _moment(statistics.end_seconds)}


def _service_id(service: Service) -> Members:
    return {"Name": service.name, "Names": [service.name], "AccountId": service.account_id, "Type": service.type}


def _annotation(value: str | float | bool) -> Members:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"StringValue": value} if isinstance(value, str) else {"NumberValue": value}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
