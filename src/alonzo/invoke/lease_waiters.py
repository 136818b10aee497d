"""Who waits for leases, and what is asked of others for them."""

import asyncio
from collections.abc import Callable

import msgspec

from alonzo.invoke.admission import ACCOUNT_REASON, RESERVED_RATE_REASON, RESERVED_REASON
from alonzo.invoke.errors import Throttled
from alonzo.invoke.leases import UNRESERVED


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker wants of others: slots by pool, of any pool, and tokens."""

    account_id: str
    region: str
    slots: dict[str, int]
    of_any: int
    rates: list[str]


class Waiter:
    """An invocation that was refused here. `attempt` is what was refused: it raises `Throttled` or has what it needs."""

    def __init__(self, *, name: str, refusal: Throttled, attempt: Callable[[], None], is_environment: bool) -> None:
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.refusal = refusal
        self._name = name
        self._attempt = attempt
        self._is_environment = is_environment

    @property
    def pool(self) -> str | None:
        """The slot that it needs; None: it is not that."""
        match self.refusal.reason:
            case reason if reason == ACCOUNT_REASON:
                return UNRESERVED
            case reason if reason == RESERVED_REASON:
                return self._name
        return None

    @property
    def rate(self) -> str:
        """The token that it needs, now or next."""
        if self._is_environment:
            return f"environments:{self._name}"
        is_reserved = self.refusal.reason in {RESERVED_REASON, RESERVED_RATE_REASON}
        return f"requests:{self._name}" if is_reserved else f"requests:{UNRESERVED}"

    @property
    def need(self) -> tuple[str | None, str]:
        """What it was refused for want of."""
        return self.pool, "" if self.pool is not None else self.rate

    @property
    def has_succeeded(self) -> bool:
        """Whether the attempt was made and nobody refused it."""
        return self.outcome.done() and not self.outcome.cancelled() and self.outcome.exception() is None

    def retry(self) -> bool:
        """Try once more; whether there is nothing to wait for any longer."""
        if self.outcome.done():
            return True
        try:
            self._attempt()
        except Throttled as refusal:
            self.refusal = refusal
            return False
        self.outcome.set_result(None)
        return True

    def end(self, error: Exception) -> None:
        """There is no more to be had."""
        if not self.outcome.done():
            self.outcome.set_exception(error)
