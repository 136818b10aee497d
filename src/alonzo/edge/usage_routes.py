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
from alonzo.edge.asgi import AsgiScope, Receive, Send, send_json
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
        self._translate_error = translate_error
        self._clock = clock

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """As the module says; errors as `{"message": …}`."""
        try:
            caller = self._callers.caller_of(scope["headers"], scope["query_string"])
            status, content = await self._answer(scope["method"], scope["query_string"], caller.scope)
        except ApiError as error:
            status, content = error.http_status or 400, {"message": error.message}
        except AlonzoError as error:
            translated = self._translate_error(error)
            status, content = translated.http_status or 500, {"message": translated.message}
        await send_json(send, status, msgspec.json.encode(content))

    async def _answer(self, method: str, query_string: bytes, scope: Scope) -> tuple[int, Any]:
        if method != "GET":
            return 405, {"message": f"{method} is not possible here"}
        given = parse_qs(query_string.decode("latin-1")).get("month")
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
