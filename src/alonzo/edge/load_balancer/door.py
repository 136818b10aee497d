"""The front door of load balancers.

    NAME-ID.us-east-1.elb.localhost:4566/path      the DNS name of the load balancer, at this server's port
    127.0.0.1:4566/_aws/elb/NAME/path              for tools that cannot resolve it; NAME:PORT for a listener of another port

Source of the answers when something is wrong: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
"""

import logging
import random
import re
import time
from http import HTTPStatus

import msgspec

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.edge.asgi import Answer, AsgiScope, Receive, Send, send_response
from alonzo.edge.front_doors import QuickWay, host_of
from alonzo.edge.http_events.answers import MalformedAnswer
from alonzo.edge.http_events.request import HttpRequest, TooManyParameters, request_of
from alonzo.edge.load_balancer.configuration import Action, Listener, LoadBalancer, TargetGroup
from alonzo.edge.load_balancer.events import event_of, read_answer
from alonzo.edge.load_balancer.places import BalancerPlace, find_place
from alonzo.edge.load_balancer.reading import LoadBalancers
from alonzo.edge.load_balancer.rules import find_rule
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, read_body
from alonzo.edge.service_calls import CallRefusal, FunctionNotCalled, ServiceCalls
from alonzo.ids import IdSource

BODY_MAX_BYTES = 1_048_576
"""Source: the page on functions as targets: "The maximum size of the request body that you can send to a Lambda function is 1 MB"."""

_SERVICE = "elasticloadbalancing.amazonaws.com"
_WAIT_SECONDS = 900.0
_TRACE = b"x-amzn-trace-id"
_REDIRECTS = {"HTTP_301": 301, "HTTP_302": 302}
_NAMES = {
    400: "Bad Request",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}

_log = logging.getLogger(__name__)


class LoadBalancerDoor:
    """A `FrontDoor`."""

    takes_web_sockets = False

    def __init__(self, *, load_balancers: LoadBalancers, calls: ServiceCalls, ids: IdSource) -> None:
        self._load_balancers = load_balancers
        self._calls = calls
        self._ids = ids

    def find_quick_way(self, host: bytes, path: bytes) -> QuickWay | None:
        """As the protocol says."""
        del host, path
        return self.answer

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(scope, receive, limit_bytes=BODY_MAX_BYTES)
        except ClientDisconnected:
            return
        except BodyTooLarge:
            answer = _page(413)
        else:
            answer = await self.answer(request_of(scope, body))
        await send_response(send, answer.status, answer.headers, answer.body)

    async def answer(self, request: HttpRequest) -> Answer:
        """Whatever goes wrong is an answer."""
        place = find_place(host_of(request.headers), request.path)
        traced = request
        try:
            load_balancer = None if place is None else await self._load_balancers.get(place.label)
            if place is None or load_balancer is None:
                return _page(503)
            traced = self._traced(request)
            return await self._answer(load_balancer, place, traced)
        except TooManyParameters:
            return _page(400)
        except AwsCallFailed as error:
            _log.warning("the configuration of a load balancer cannot be read: %s", error)
            return _page(503)
        except Exception:  # a request ends here: whatever it was, the client gets an answer
            trace = traced.find_header(_TRACE)  # load balancers give no other id
            _log.exception("a request to %s failed", request.host or request.path, extra={"trace_id": trace})
            return _page(500)

    async def _answer(self, load_balancer: LoadBalancer, place: BalancerPlace, request: HttpRequest) -> Answer:
        listener = load_balancer.find_listener(place.port)
        path = place.path.decode("latin-1")
        rule = None if listener is None else find_rule(listener, request, path)
        if listener is None or rule is None:
            return _page(503)
        for action in rule.actions:
            match action.kind:
                case "fixed-response":
                    return _fixed(action)
                case "redirect":
                    return _redirect(action, listener, request, path)
                case "forward":
                    return await self._forward(load_balancer, action, request, path)
        _log.warning("%s: its actions are of kinds that are not here", load_balancer.arn)
        return _page(500)

    async def _forward(self, load_balancer: LoadBalancer, action: Action, request: HttpRequest, path: str) -> Answer:
        group = _drawn(load_balancer, action)
        if group is None or group.function_arn is None or not group.is_lambda:
            return _page(503)
        if len(request.body) > BODY_MAX_BYTES:
            return _page(413)
        try:
            trace = request.find_header(_TRACE)
            result = await self._calls.call(
                group.function_arn,
                event_of(request, path, group),
                service=_SERVICE,
                source_arn=group.arn,
                timeout_seconds=_WAIT_SECONDS,
                trace_header=trace,
            )
            answer = read_answer(result, group)
        except (FunctionNotCalled, MalformedAnswer) as error:
            _log.warning("%s: %s", group.arn, error)
            is_late = isinstance(error, FunctionNotCalled) and error.refusal is CallRefusal.TIMED_OUT
            return _page(504 if is_late else 502)
        return Answer(answer.status, [_SERVER, *answer.headers], answer.body)

    def _traced(self, request: HttpRequest) -> HttpRequest:
        if request.find_header(_TRACE) is not None:
            return request
        trace = f"Root=1-{int(time.time()):08x}-{self._ids.new_hex_id(12)}"
        return msgspec.structs.replace(request, headers=[*request.headers, (_TRACE, trace.encode())])


_SERVER = (b"server", b"awselb/2.0")


def _drawn(load_balancer: LoadBalancer, action: Action) -> TargetGroup | None:
    """By weight; None if there is nothing to be drawn."""
    groups = [(load_balancer.groups[arn], weight) for arn, weight in action.groups if weight > 0 and arn in load_balancer.groups]
    if not groups:
        return None
    return random.choices([group for group, _ in groups], [weight for _, weight in groups])[0]  # noqa: S311 - no secret


def _fixed(action: Action) -> Answer:
    content_type = action.fixed.get("ContentType") or "text/plain"
    headers = [_SERVER, (b"content-type", f"{content_type}; charset=utf-8".encode())]
    return Answer(int(action.fixed.get("StatusCode") or 200), headers, (action.fixed.get("MessageBody") or "").encode())


def _redirect(action: Action, listener: Listener, request: HttpRequest, path: str) -> Answer:
    """Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html"""
    known = {
        "protocol": listener.protocol.lower(),
        "host": request.host_name,
        "port": str(listener.port),
        "path": path.removeprefix("/"),
        "query": request.query.decode("latin-1"),
    }

    def filled(member: str, default: str) -> str:
        return re.sub(r"#\{(protocol|host|port|path|query)\}", lambda match: known[match[1]], action.redirect.get(member) or default)

    protocol = filled("Protocol", "#{protocol}").lower()
    query = filled("Query", "#{query}")
    target = f"{protocol}://{filled('Host', '#{host}')}:{filled('Port', '#{port}')}{filled('Path', '/#{path}')}" + (
        f"?{query}" if query else ""
    )
    status = _REDIRECTS.get(action.redirect.get("StatusCode") or "", 302)
    page = _page(status)
    location = re.sub(r"[^\x21-\x7e]", "", target).encode()
    return Answer(status, [*page.headers, (b"location", location)], page.body)


def _page(status: int) -> Answer:
    name = f"{status} {_NAMES.get(status) or HTTPStatus(status).phrase}"
    body = f"<html>\r\n<head><title>{name}</title></head>\r\n<body>\r\n<center><h1>{name}</h1></center>\r\n</body>\r\n</html>\r\n"
    return Answer(status, [_SERVER, (b"content-type", b"text/html")], body.encode())
