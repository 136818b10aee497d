"""Who may hold leases of units: the workers of this `alonzo up`, and other nodes on the same store.

Workers of one parent know of each other by the members' records, which the parent keeps true. Nodes that share nothing but the store show
that they live by a record that they write every few seconds; who has not written for a while counts as dead. No clocks are compared:
each node goes by how long ago, by its own clock, it saw a record change.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable

import msgspec

from alonzo.clock import Clock
from alonzo.store.errors import StoreError
from alonzo.store.members import Members
from alonzo.store.records import RecordTable

BEAT_SECONDS = 4.0
DEAD_SECONDS = 20.0
"""Without a beat. A node that could not write one for half of that stops polling by itself."""

_log = logging.getLogger(__name__)


class Heartbeat(msgspec.Struct, frozen=True):
    """Of one holder; the count grows."""

    count: int


class Holders:
    """`cluster`: the name that this `alonzo up` has, and will have at its next start; `own_name`: this process's within it, for this life.

    `members`: of several workers. `beats`: where the store is shared with nodes that are not of this cluster.
    """

    def __init__(self, *, cluster: str, own_name: str, members: Members | None, beats: RecordTable[Heartbeat] | None, clock: Clock) -> None:
        self._cluster = cluster
        self._members = members
        self._beats = beats
        self._clock = clock
        self.own_name = f"{cluster}/{own_name}"
        self._seen_at: dict[str, float] = {}
        self._beaten_at = clock.monotonic()
        self._listeners: list[Callable[[], None]] = []
        self._live: tuple[str, ...] = (self.own_name,)
        if members is not None:
            members.subscribe(self._on_change)
        if beats is not None:
            beats.subscribe(self._on_beat)
            now = clock.monotonic()
            self._seen_at = {key[0]: now for key, _ in beats.iter_prefix(())}
        self._on_change()

    @property
    def live(self) -> tuple[str, ...]:
        """All that live, this one among them unless it cannot show that it does."""
        return self._live

    def lives(self, name: str) -> bool:
        """Whether a holder lives. One that has not been heard of yet may have begun just now: it has as long to beat as any other."""
        is_other = self._beats is not None and not name.startswith(f"{self._cluster}/")
        if is_other and name not in self._seen_at:
            self._seen_at[name] = self._clock.monotonic()
            self._on_change()
        return name in self._live

    def owner(self, what: str) -> str | None:
        """Whose it is, by a hash of both: when somebody comes or goes, only what is theirs moves. None: this one is not alive."""
        if self.own_name not in self._live:
            return None
        return max(self._live, key=lambda name: hashlib.blake2b(f"{what}/{name}".encode(), digest_size=8).digest())

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call the listener whenever somebody came or went. It must not block."""
        self._listeners.append(listener)

    async def run(self, is_needed: Callable[[], bool]) -> None:
        """Component: shows that this node lives while that is needed, and notices who does not any more; until cancelled."""
        if self._beats is None:
            return
        count = 0
        try:
            while True:
                if is_needed():
                    count += 1
                    began_at = self._clock.monotonic()
                    try:
                        await self._beats.put((self.own_name,), Heartbeat(count))
                        self._beaten_at = began_at
                    except StoreError as error:
                        _log.warning("other nodes may think that this one is dead: %s", error)
                else:
                    self._beaten_at = self._clock.monotonic()
                self._on_change()
                await asyncio.sleep(BEAT_SECONDS)
        finally:
            if count:
                await self._forget(self.own_name)

    async def _forget(self, name: str) -> None:
        assert self._beats is not None
        try:
            await self._beats.delete((name,))
        except StoreError as error:
            _log.info("other nodes notice late that this one has ended: %s", error)

    def _on_beat(self, key: tuple[str, ...], beat: Heartbeat | None) -> None:
        if beat is None:
            self._seen_at.pop(key[0], None)
        else:
            self._seen_at[key[0]] = self._clock.monotonic()
        self._on_change()

    def _on_change(self) -> None:
        live = self._find_live()
        if live != self._live:
            self._live = live
            for listener in self._listeners:
                listener()

    def _find_live(self) -> tuple[str, ...]:
        now = self._clock.monotonic()
        if self._beats is not None and now - self._beaten_at > DEAD_SECONDS / 2:
            return ()
        own = {self.own_name} if self._members is None else {f"{self._cluster}/{name}" for name in self._members.names}
        # Of the own cluster it is known who lives: beats of an earlier run do not count.
        others = {
            name for name, seen_at in self._seen_at.items() if now - seen_at <= DEAD_SECONDS and not name.startswith(f"{self._cluster}/")
        }
        return tuple(sorted(own | others))
