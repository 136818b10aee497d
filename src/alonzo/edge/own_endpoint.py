"""What Alonzo's own endpoints beside AWS's API have in common: JSON goes out, for errors too, as `{"message": …}`."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.edge.asgi import AsgiScope, Receive, Send, send_json
from alonzo.edge.failures import as_api_error
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected
from alonzo.errors import AlonzoError
from alonzo.ids import new_uuid

_log = logging.getLogger(__name__)


class OwnEndpoint:
    """An `Endpoint`: `answer` gives the status and the content, or raises."""

    def __init__(
        self, answer: Callable[[AsgiScope, Receive], Awaitable[tuple[int, Any]]], *, translate_error: Callable[[AlonzoError], ApiError]
    ) -> None:
        self._answer = answer
        self._translate_error = translate_error

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Nothing goes to a client that has left."""
        try:
            status, content = await self._answer(scope, receive)
        except ClientDisconnected:
            return
        except BodyTooLarge as error:
            status, content = 413, {"message": str(error)}
        except ApiError as error:
            status, content = error.http_status or 400, {"message": error.message}
        except AlonzoError as error:
            translated = as_api_error(error, new_uuid(), translate_error=self._translate_error, log=_log)
            status, content = translated.http_status or 500, {"message": translated.message}
        await send_json(send, status, msgspec.json.encode(content))
