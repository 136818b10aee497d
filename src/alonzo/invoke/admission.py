"""How many invocations run at once: counted exactly for the account, before anything is started for them."""

from alonzo.invoke.errors import Throttled
from alonzo.model.scope import Scope


class Admission:
    """The counts of one node. Reading and changing them is a dictionary look-up; nothing here waits."""

    def __init__(self, *, account_limit: int) -> None:
        self._account_limit = account_limit
        self._running: dict[Scope, int] = {}

    def acquire(self, scope: Scope) -> None:
        """Take one of the account's places in that region. Raises Throttled when there is none."""
        running = self._running.get(scope, 0)
        if running >= self._account_limit:
            raise Throttled("ConcurrentInvocationLimitExceeded")
        self._running[scope] = running + 1

    def release(self, scope: Scope) -> None:
        """Give the place back."""
        running = self._running[scope] - 1
        if running:
            self._running[scope] = running
        else:
            del self._running[scope]

    def running_count(self, scope: Scope) -> int:
        """How many invocations of the account run in the region."""
        return self._running.get(scope, 0)
