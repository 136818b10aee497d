"""What the companion asks of the node: Alonzo's own, not for anybody else, and so with a token that only the two know.

POST /_alonzo/companion/patterns    {"pattern", "event"?}           {"matches": …} or {"invalid": why}
POST /_alonzo/companion/events      {"events", "rules"}             {"matched": [[event, rule], …]}, after the targets have been seen to
POST /_alonzo/companion/expressions {"expression", "zone", "for_rule"}   {} or {"invalid": why}
PUT  /_alonzo/companion/schedules   {"schedules"}                   {}: there are these and no others
PUT  /_alonzo/companion/labels      {"arn", "labels"}               {}: AWS's own tags of something of Lambda's, beside those it has
POST /_alonzo/companion/responses   nothing                         {"url", "takes_https"}: where custom resources may answer from now on
"""

import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from alonzo.edge.asgi import AsgiScope, Receive, Send, send_json
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, read_body
from alonzo.edge.response_door import ResponseAddress
from alonzo.errors import AlonzoError
from alonzo.event_sources.errors import InvalidPattern
from alonzo.functions.tags import TaggedResources
from alonzo.model.scope import Scope
from alonzo.triggers.errors import InvalidSchedule
from alonzo.triggers.rules import EventRules, PutEvent, Rule
from alonzo.triggers.schedule import Schedule
from alonzo.triggers.schedules import Schedules

COMPANION_PATH = b"/_alonzo/companion/"
_BODY_MAX_BYTES = 64 << 20
"""Ten events of a megabyte together, and all rules of a bus."""

_log = logging.getLogger(__name__)


class PatternQuestion(msgspec.Struct):
    """Is the pattern one, and does the event match it?"""

    pattern: str
    event: Any = None


class EventsQuestion(msgspec.Struct):
    """What becomes of these events, given these rules?"""

    events: list[PutEvent]
    rules: list[Rule]


class ExpressionQuestion(msgspec.Struct):
    """Is it a schedule expression?"""

    expression: str
    zone: str = "UTC"
    for_rule: bool = False


class Announcement(msgspec.Struct):
    """All schedules that there are. One that cannot be understood is not to be in the others' way."""

    schedules: list[msgspec.Raw]


class Labels(msgspec.Struct):
    """Tags that AWS's services give, for something of the account and region in its ARN."""

    arn: str
    labels: dict[str, str]


class CompanionEndpoint:
    """An `Endpoint` for all paths below `COMPANION_PATH`. `token` None: there is no companion."""

    def __init__(
        self,
        *,
        token: str | None,
        rules: EventRules,
        schedules: Schedules,
        tagged: TaggedResources,
        open_responses: Callable[[], Awaitable[ResponseAddress]],
    ) -> None:
        self._authorization = None if token is None else b"Bearer " + token.encode()
        self._rules = rules
        self._schedules = schedules
        self._tagged = tagged
        self._open_responses = open_responses

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """As the module says; errors as `{"message": …}`."""
        try:
            body = await read_body(scope, receive, limit_bytes=_BODY_MAX_BYTES)
            status, content = await self._answer(scope, body)
        except ClientDisconnected:
            return
        except (BodyTooLarge, msgspec.DecodeError, RecursionError) as error:
            status, content = 400, {"message": str(error)}
        except (AlonzoError, OSError) as error:
            _log.error("the companion was not answered: %s", error)
            status, content = 500, {"message": str(error)}
        await send_json(send, status, msgspec.json.encode(content))

    async def _answer(self, scope: AsgiScope, body: bytes) -> tuple[int, Any]:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if self._authorization is None or not hmac.compare_digest(given, self._authorization):
            return 403, {"message": "this is between Alonzo and its companion"}
        content: Any = {}
        match scope["method"], scope["raw_path"].removeprefix(COMPANION_PATH):
            case "POST", b"patterns":
                content = self._ask(msgspec.json.decode(body, type=PatternQuestion))
            case "POST", b"events":
                question = msgspec.json.decode(body, type=EventsQuestion)
                content = {"matched": await self._rules.put(question.events, question.rules)}
            case "POST", b"expressions":
                content = _check(msgspec.json.decode(body, type=ExpressionQuestion))
            case "PUT", b"schedules":
                await self._schedules.announce(_understood(msgspec.json.decode(body, type=Announcement).schedules))
            case "PUT", b"labels":
                await self._label(msgspec.json.decode(body, type=Labels))
            case "POST", b"responses":
                content = await self._open_responses()
            case _:
                return 404, {"message": "no such path"}
        return 200, content

    async def _label(self, wanted: Labels) -> None:
        _, partition, _, region, account_id, *_ = wanted.arn.split(":")
        await self._tagged.label(wanted.arn, Scope(account_id, region, partition), wanted.labels)

    def _ask(self, question: PatternQuestion) -> dict[str, Any]:
        try:
            return {"matches": self._rules.test(question.pattern, question.event)}
        except InvalidPattern as error:
            return {"invalid": str(error)}


def _understood(announced: list[msgspec.Raw]) -> list[Schedule]:
    schedules = []
    for each in announced:
        try:
            schedules.append(msgspec.json.decode(each, type=Schedule))
        except msgspec.ValidationError as error:
            _log.warning("a schedule never fires: %s", error)
    return schedules


def _check(question: ExpressionQuestion) -> dict[str, str]:
    from alonzo.triggers.schedule_expressions import parse_timing  # noqa: PLC0415 - with the first schedule: 10 ms of a start

    try:
        parse_timing(question.expression, zone=question.zone, for_rule=question.for_rule)
    except InvalidSchedule as error:
        return {"invalid": str(error)}
    return {}
