"""What functions have used, for `alonzo cost`: Alonzo's own, beside AWS's API.

The account and region are those that the request is signed for.

GET /_alonzo/usage?month=2026-11    {"month", "usage": [{"function", "version", …}]}; without a month, this one
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import CallerDirectory
from alonzo.clock import Clock
from alonzo.edge.asgi import AsgiScope, Receive, Send
from alonzo.edge.own_endpoint import OwnEndpoint
from alonzo.errors import AlonzoError
from alonzo.model.scope import Scope
from alonzo.observe.usage import MonthlyUsage

USAGE_PATH = b"/_alonzo/usage"
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")

ReadUsage = Callable[[Scope, str], Awaitable[Sequence[MonthlyUsage]]]


class UsageEndpoint:
    """An `Endpoint` for `USAGE_PATH`."""

    def __init__(
        self, *, read: ReadUsage, callers: CallerDirectory, translate_error: Callable[[AlonzoError], ApiError], clock: Clock
    ) -> None:
        self._read = read
        self._callers = callers
        self._endpoint = OwnEndpoint(self._answer, translate_error=translate_error)
        self._clock = clock

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """As the module says."""
        await self._endpoint(scope, receive, send)

    async def _answer(self, request: AsgiScope, receive: Receive) -> tuple[int, Any]:
        del receive
        scope = self._callers.caller_of(request["headers"], request["query_string"]).scope
        if request["method"] != "GET":
            return 405, {"message": f"{request['method']} is not possible here"}
        given = parse_qs(request["query_string"].decode("latin-1")).get("month")
        month = self._clock.now().strftime("%Y-%m") if given is None else given[0]
        if _MONTH.fullmatch(month) is None:
            return 400, {"message": f"{month!r} is not a month: it is written like 2026-11"}
        return 200, {"month": month, "usage": [_shown(record) for record in await self._read(scope, month)]}


def _shown(record: MonthlyUsage) -> dict[str, Any]:
    key = record.key
    return {
        "function": key.name,
        "version": key.version,
        "architecture": key.architecture,
        "runtime": key.runtime,
        "memory_mib": key.memory_mib,
        "storage_mib": key.storage_mib,
        "provisioned": key.is_provisioned,
        "tags": record.tags,
        **msgspec.structs.asdict(record.usage),
    }
