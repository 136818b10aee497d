"""Which rule of a listener a request takes.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

from ipaddress import ip_address, ip_network

from alonzo.edge.http_events.request import HttpRequest
from alonzo.edge.load_balancer.configuration import Condition, Listener, Rule
from alonzo.functions.policies.evaluation import matches_wildcards


def find_rule(listener: Listener, request: HttpRequest, path: str) -> Rule | None:
    """The first whose conditions all hold. `path` is as the client wrote it. `TooManyParameters`."""
    return next((rule for rule in listener.rules if all(_holds(each, request, path) for each in rule.conditions)), None)


def _holds(condition: Condition, request: HttpRequest, path: str) -> bool:  # noqa: PLR0911 - one for each kind
    match condition.field:
        case "path-pattern":
            return any(matches_wildcards(pattern, path) for pattern in condition.values)
        case "host-header":
            return _matches(condition.values, request.host_name)
        case "http-header":
            name = condition.header.lower().encode("latin-1", "replace")
            return any(_matches(condition.values, value.decode("latin-1")) for header, value in request.headers if header == name)
        case "http-request-method":
            return request.method in condition.values
        case "query-string":
            return any(_has_parameter(request, key, value) for key, value in condition.queries)
        case "source-ip":
            return any(_is_in_network(network, request.source_ip) for network in condition.values)
        case _:
            return False


def _matches(patterns: tuple[str, ...], text: str) -> bool:
    return any(matches_wildcards(pattern.lower(), text.lower()) for pattern in patterns)


def _has_parameter(request: HttpRequest, key: str | None, value: str) -> bool:
    return any((key is None or _matches((key,), name)) and _matches((value,), given) for name, given in request.parameters())


def _is_in_network(network: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False
