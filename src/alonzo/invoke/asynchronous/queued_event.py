"""An event as it lies in the queue: what was accepted, and what came of it so far."""

import msgspec

from alonzo.model.asynchronous import AcceptedEvent
from alonzo.model.names import FunctionReference


class QueuedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """It is written anew each time it is set back. What the function answered last is kept for whoever is told how the event ended."""

    event: AcceptedEvent
    invoke_count: int = 0
    """How often the function ran for it; each of them failed."""
    system_error_count: int = 0
    """How often it could not be run, for reasons that are not the function's."""
    last_version: str | None = None
    last_function_error: str | None = None
    last_payload: bytes | None = None

    @property
    def function(self) -> FunctionReference:
        """Whose event it is, without the qualifier: the name of its queue."""
        return FunctionReference(self.event.scope, self.event.function_name)

    @property
    def target(self) -> FunctionReference:
        """What is to be invoked."""
        return FunctionReference(self.event.scope, self.event.function_name, self.event.qualifier)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(QueuedEvent)


def encode(queued: QueuedEvent) -> bytes:
    """As it is stored."""
    return _encoder.encode(queued)


def decode(message: bytes) -> QueuedEvent:
    """What was stored. `msgspec.DecodeError` when it was not `encode` that made it."""
    return _decoder.decode(message)
