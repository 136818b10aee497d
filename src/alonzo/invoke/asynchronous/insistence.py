"""What must be written is written, as soon as the store takes it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from alonzo.invoke.asynchronous.queued_event import QueuedEvent, encode
from alonzo.model.quotas import PAYLOAD_ASYNC_MAX_BYTES
from alonzo.store.errors import MessageTooLarge, StoreError

_PAUSE_SECONDS = 1.0
_LOGGED_EVERY = 60

_log = logging.getLogger(__name__)


async def insist(write: Callable[[], Awaitable[object]], *, what: str) -> None:
    """Try until it is done: the store is down, or its disk is full, and both pass. `MessageTooLarge`, which does not."""
    attempt = 0
    while True:
        try:
            await write()
        except MessageTooLarge:
            raise
        except StoreError as error:
            if attempt % _LOGGED_EVERY == 0:
                _log.warning("%s waits for the store: %s", what, error)
            attempt += 1
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def insist_on_event(queued: QueuedEvent, write: Callable[[bytes], Awaitable[object]], *, what: str) -> None:
    """As `insist`; a large answer of the function is left out: it is only for whoever is told how the event ended."""
    answer = queued.last_payload
    if answer is None or len(answer) <= PAYLOAD_ASYNC_MAX_BYTES:
        try:
            await insist(lambda: write(encode(queued)), what=what)
        except MessageTooLarge:
            if answer is None:
                raise
        else:
            return
    _log.info("what a function answered is left out of its event", extra={"request_id": queued.event.request_id})
    without = encode(msgspec.structs.replace(queued, last_payload=None))
    await insist(lambda: write(without), what=what)
