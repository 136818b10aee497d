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

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import CallerDirectory
from alonzo.edge.asgi import AsgiScope, Receive, Send
from alonzo.edge.own_endpoint import OwnEndpoint
from alonzo.errors import AlonzoError
from alonzo.invoke.asynchronous.administration import QueueAdministration
from alonzo.model.names import FunctionReference, refer_to_function

QUEUES_PATH = b"/_alonzo/queues"
_PATH = re.compile(re.escape(QUEUES_PATH) + rb"(?:/([^/]+)(/redrive)?)?/?")


class QueueEndpoint:
    """An `Endpoint` for all paths below `QUEUES_PATH`."""

    def __init__(
        self, *, administration: QueueAdministration, callers: CallerDirectory, translate_error: Callable[[AlonzoError], ApiError]
    ) -> None:
        self._administration = administration
        self._callers = callers
        self._endpoint = OwnEndpoint(self._answer, translate_error=translate_error)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """As the module says."""
        await self._endpoint(scope, receive, send)

    async def _answer(self, request: AsgiScope, receive: Receive) -> tuple[int, Any]:
        del receive
        scope, method = self._callers.caller_of(request["headers"], request["query_string"]).scope, request["method"]
        match = _PATH.fullmatch(request["raw_path"])
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
