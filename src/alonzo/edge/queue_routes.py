"""The event queues, for `alonzo queue`: Alonzo's own, beside AWS's API. The account and region are those that the request is signed for.

GET    /_alonzo/queues                 {"queues": [status, …]}
GET    /_alonzo/queues/NAME            status
POST   /_alonzo/queues/NAME/redrive    {"redriven": count}
DELETE /_alonzo/queues/NAME            {"purged": count}
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import CallerDirectory
from alonzo.edge.asgi import AsgiScope, Receive, Send, send_json
from alonzo.errors import AlonzoError
from alonzo.invoke.asynchronous.administration import QueueAdministration
from alonzo.model.names import FunctionReference, refer_to_function
from alonzo.model.scope import Scope

QUEUES_PATH = b"/_alonzo/queues"
_PATH = re.compile(re.escape(QUEUES_PATH) + rb"(?:/([^/]+)(/redrive)?)?/?")


class QueueEndpoint:
    """An `Endpoint` for all paths below `QUEUES_PATH`."""

    def __init__(
        self, *, administration: QueueAdministration, callers: CallerDirectory, translate_error: Callable[[AlonzoError], ApiError]
    ) -> None:
        self._administration = administration
        self._callers = callers
        self._translate_error = translate_error

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """As the module says; errors as `{"message": …}`."""
        try:
            caller = self._callers.caller_of(scope["headers"], scope["query_string"])
            status, content = await self._answer(scope["method"], scope["raw_path"], caller.scope)
        except ApiError as error:
            status, content = error.http_status or 400, {"message": error.message}
        except AlonzoError as error:
            translated = self._translate_error(error)
            status, content = translated.http_status or 500, {"message": translated.message}
        await send_json(send, status, msgspec.json.encode(content))

    async def _answer(self, method: str, path: bytes, scope: Scope) -> tuple[int, Any]:
        match = _PATH.fullmatch(path)
        if match is None:
            return 404, {"message": "no such path"}
        if match[1] is None:
            return (200, {"queues": await self._administration.list_queues(scope)}) if method == "GET" else _wrong_method(method)
        reference = refer_to_function(unquote_to_bytes(match[1]).decode("utf-8", "replace"), None, scope)
        function = FunctionReference(reference.scope, reference.name)
        match method, match[2] is not None:
            case "GET", False:
                return await self._show(function)
            case "POST", True:
                return 200, {"redriven": await self._administration.redrive(function)}
            case "DELETE", False:
                return 200, {"purged": await self._administration.purge(function)}
        return _wrong_method(method)

    async def _show(self, function: FunctionReference) -> tuple[int, Any]:
        for status in await self._administration.list_queues(function.scope):
            if status.function_name == function.name:
                return 200, status
        return 404, {"message": f"{function.name} has no events, and had none since the start"}


def _wrong_method(method: str) -> tuple[int, Any]:
    return 405, {"message": f"{method} is not possible here"}
