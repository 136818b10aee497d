"""User ids of the node's sandboxes: each sandbox has one of its own on the host, so that a socket's owner tells whose it is."""

from collections import deque

from alonzo.errors import AlonzoError


class UserIdsExhausted(AlonzoError):
    """Every user id of the node belongs to a living sandbox."""


class UserIds:
    """A range of ids; the one that was given back longest ago is taken first."""

    def __init__(self, *, first: int, count: int) -> None:
        self._next = first
        self._end = first + count
        self._returned: deque[int] = deque()

    def take(self) -> int:
        """An id that no living sandbox has. Raises UserIdsExhausted."""
        if self._next < self._end:
            self._next += 1
            return self._next - 1
        if not self._returned:
            raise UserIdsExhausted("no user id is left for another sandbox")
        return self._returned.popleft()

    def give_back(self, user: int) -> None:
        """The sandbox that had `user` is gone."""
        self._returned.append(user)


class SharedUser(UserIds):
    """Rootless: every sandbox is the node's own user, seen as user 0 by its zygote."""

    def __init__(self) -> None:
        super().__init__(first=0, count=0)

    def take(self) -> int:
        return 0

    def give_back(self, user: int) -> None:
        return
