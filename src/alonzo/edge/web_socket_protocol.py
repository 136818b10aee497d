"""uvicorn's WebSocket protocol, as a connection of our server: it can be aborted, and is missed when it is gone."""

import asyncio
import logging
from typing import Any

import wsproto.events
from uvicorn.config import Config
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from alonzo.edge.http_protocol import Connections
from alonzo.edge.patience import HttpTimeouts, UnreadAnswers

_SILENT_LOGGER = logging.Logger("web sockets", level=logging.ERROR)
"""uvicorn logs every connection."""

FRAME_MAX_BYTES = 32_768
"""A larger message must come in several frames; a larger frame ends the connection.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

_MESSAGE_TOO_BIG = 1009


class EdgeWebSocketProtocol(WSProtocol):
    """A connection of a client that has become a WebSocket."""

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._all_gone = server_state.all_gone
        self._unread = UnreadAnswers()
        self._frame_bytes = 0
        """What has come of the frame that is coming in."""
        self.logger = _SILENT_LOGGER

    def connection_lost(self, exc: Exception | None) -> None:
        """As in the base class; a connection that was lost before its end has no code of its own."""
        super().connection_lost(exc)
        if not self.connections:
            self._all_gone.set()

    def handle_message(self, event: wsproto.events.TextMessage | wsproto.events.BytesMessage) -> None:
        """As in the base class, which bounds messages; here their frames are."""
        self._frame_bytes += len(event.data.encode()) if isinstance(event.data, str) else len(event.data)
        if self._frame_bytes > FRAME_MAX_BYTES:
            self._refuse_frame()
            return
        if event.frame_finished:
            self._frame_bytes = 0
        super().handle_message(event)

    def _refuse_frame(self) -> None:
        self.close_sent = True
        reason = f"Frame exceeds the maximum size ({FRAME_MAX_BYTES} bytes)"
        self.queue.put_nowait({"type": "websocket.disconnect", "code": _MESSAGE_TOO_BIG, "reason": reason})
        if not self.transport.is_closing():
            self.transport.write(self.conn.send(wsproto.events.CloseConnection(code=_MESSAGE_TOO_BIG, reason=reason)))
            self.transport.close()

    def close_if_stalled(self, timeouts: HttpTimeouts, *, tick_seconds: float) -> None:
        """Cut off a client that does not take its messages. The application looks after silent ones."""
        del tick_seconds
        if self._unread.is_stuck(self.transport.get_write_buffer_size(), self.loop.time(), timeouts):
            self.transport.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        self.transport.abort()
