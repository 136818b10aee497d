"""What the companion asks of the node: Alonzo's own, not for anybody else, and so with a token that only the two know.

POST /_alonzo/companion/patterns    {"pattern", "event"?}           {"matches": …} or {"invalid": why}
POST /_alonzo/companion/events      {"events", "rules"}             {"matched": [[event, rule], …]}, after the targets have been seen to
"""

import hmac
import logging
from typing import Any

import msgspec

from alonzo.edge.asgi import AsgiScope, Receive, Send, send_json
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, read_body
from alonzo.errors import AlonzoError
from alonzo.event_sources.errors import InvalidPattern
from alonzo.triggers.rules import EventRules, PutEvent, Rule

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


class CompanionEndpoint:
    """An `Endpoint` for all paths below `COMPANION_PATH`. `token` None: there is no companion."""

    def __init__(self, *, token: str | None, rules: EventRules) -> None:
        self._authorization = None if token is None else b"Bearer " + token.encode()
        self._rules = rules

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """As the module says; errors as `{"message": …}`."""
        try:
            body = await read_body(scope, receive, limit_bytes=_BODY_MAX_BYTES)
            status, content = await self._answer(scope, body)
        except ClientDisconnected:
            return
        except (BodyTooLarge, msgspec.DecodeError, RecursionError) as error:
            status, content = 400, {"message": str(error)}
        except AlonzoError as error:
            _log.error("the companion was not answered: %s", error)
            status, content = 500, {"message": str(error)}
        await send_json(send, status, msgspec.json.encode(content))

    async def _answer(self, scope: AsgiScope, body: bytes) -> tuple[int, Any]:
        given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if self._authorization is None or not hmac.compare_digest(given, self._authorization):
            return 403, {"message": "this is between Alonzo and its companion"}
        match scope["method"], scope["raw_path"].removeprefix(COMPANION_PATH):
            case "POST", b"patterns":
                return 200, self._ask(msgspec.json.decode(body, type=PatternQuestion))
            case "POST", b"events":
                question = msgspec.json.decode(body, type=EventsQuestion)
                return 200, {"matched": await self._rules.put(question.events, question.rules)}
        return 404, {"message": "no such path"}

    def _ask(self, question: PatternQuestion) -> dict[str, Any]:
        try:
            return {"matches": self._rules.test(question.pattern, question.event)}
        except InvalidPattern as error:
            return {"invalid": str(error)}
