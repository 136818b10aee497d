"""How many invocations run at once, and begin in a second: counted exactly, before anything is started for them.

A function with reserved concurrency has places of its own and no others; all other functions of an account share what is unreserved. A
version with provisioned concurrency uses that first, and what goes beyond it counts as on demand.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html.

Ten times as many may begin each second as may run at once, and a function gets 1,000 new environments in 10 seconds.
Source: https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html.

Counted is only what runs, by version. What counts as on demand follows from that and from the limits, so that limits can change at any
time and nobody needs to remember which kind of place an invocation took.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alonzo.clock import Clock
from alonzo.invoke.errors import Throttled
from alonzo.invoke.leases import UNRESERVED, provisioned_pool
from alonzo.invoke.rates import BeginningRate, OwnRates, Rates
from alonzo.model import quotas
from alonzo.model.concurrency import AccountLimits
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope

ACCOUNT_REASON = "ConcurrentInvocationLimitExceeded"
RESERVED_REASON = "ReservedFunctionConcurrentInvocationLimitExceeded"
RATE_REASON = "FunctionInvocationRateLimitExceeded"
RESERVED_RATE_REASON = "ReservedFunctionInvocationRateLimitExceeded"
"""Source: botocore shape `ThrottleReason`."""

_ENVIRONMENTS_PER_SECOND = quotas.SCALING_ENVIRONMENTS_MAX / quotas.SCALING_SECONDS

_REMEMBERED_MIN = 64
_NO_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyPeak:
    """How many invocations ran at once: of the account, of a function, or of a version in its provisioned concurrency.

    `unreserved`: of an account, those without reserved concurrency. `provisioned`: of a version, how many environments it has.
    """

    scope: Scope
    function_name: str | None = None
    version: str | None = None
    running: int
    unreserved: int = 0
    provisioned: int = 0


class Admission:
    """The counts of one node. Taking a place and giving it back is a handful of dictionary look-ups; nothing here waits.

    `account_limit` None: the limits are shared with others, and only what `configure` and `set_limit` let through is let through.
    """

    def __init__(self, *, account_limit: int | None, clock: Clock, rates: Rates | None = None) -> None:
        self._account_limit = account_limit
        self._clock = clock
        self._rates: Rates = rates or OwnRates()
        self._accounts: dict[Scope, _Account] = {}

    def configure(self, scope: Scope, limits: AccountLimits) -> None:
        """Keep to these limits from here on. What runs goes on running, also beyond them."""
        self._account(scope).configure(limits)

    def set_limit(self, scope: Scope, name: str | None, count: int) -> None:
        """Of a reserved function (None: of those without reserved concurrency) let so many run at once, on demand."""
        self._account(scope).set_limit(name, count)

    def used_slots(self, scope: Scope) -> dict[str, int]:
        """How many places are taken of each pool of `leases.py`."""
        account = self._accounts.get(scope)
        return {} if account is None else account.used_slots()

    def has_provisioned_place(self, version: FunctionVersion) -> bool:
        """Whether an invocation of the version would have a place of its provisioned concurrency."""
        account = self._accounts.get(version.scope)
        function = None if account is None else account.functions.get(version.name)
        return function is not None and function.running.get(version.version, 0) < function.provisioned.get(version.version, 0)

    def acquire(self, version: FunctionVersion) -> None:
        """Take a place for an invocation of a version. Raises Throttled when there is none."""
        account = self._accounts.get(version.scope) or self._account(version.scope)
        account.acquire(version.name, version.version, self._clock.monotonic())

    def prolong(self, version: FunctionVersion) -> None:
        """Take one more place for an invocation that has one, whatever the limits: for whoever releases the other at once."""
        self._accounts[version.scope].prolong(version.name, version.version)

    def release(self, version: FunctionVersion) -> None:
        """Give the place back."""
        self._accounts[version.scope].release(version.name, version.version)

    def begin_environment(self, version: FunctionVersion) -> None:
        """An invocation that has a place needs a new environment. Raises Throttled when the function scales too fast."""
        function = self._accounts[version.scope].functions[version.name]
        wait_seconds = function.environments.take(
            self._clock.monotonic(), capacity=quotas.SCALING_ENVIRONMENTS_MAX, per_second=_ENVIRONMENTS_PER_SECOND
        )
        if wait_seconds:
            raise Throttled(RATE_REASON, retry_after_seconds=math.ceil(wait_seconds))

    def take_peaks(self) -> Iterator["ConcurrencyPeak"]:
        """The most that ran at once since this was asked last, of every account and function that had anything to do."""
        for scope, account in self._accounts.items():
            yield from account.take_peaks(scope)

    def iter_running(self) -> Iterator["ConcurrencyPeak"]:
        """What runs now, of every account and function that is remembered."""
        for scope, account in self._accounts.items():
            yield from account.iter_running(scope)

    def running_count(self, scope: Scope) -> int:
        """How many invocations of the account run in the region."""
        account = self._accounts.get(scope)
        return 0 if account is None else account.running_count

    def _account(self, scope: Scope) -> "_Account":
        """Remembered for good: there are as many as accounts that have invoked a function here."""
        account = self._accounts.get(scope)
        if account is None:
            account = self._accounts[scope] = _Account(self._account_limit, scope, self._rates)
        return account


class _Function:
    __slots__ = (
        "environments",
        "on_demand_count",
        "on_demand_limit",
        "peak",
        "provisioned",
        "provisioned_peaks",
        "requests",
        "reserved",
        "running",
        "running_count",
    )

    def __init__(self, *, requests: BeginningRate, environments: BeginningRate) -> None:
        self.running: dict[str, int] = {}
        self.running_count = self.peak = 0
        self.on_demand_count = 0
        self.reserved: int | None = None
        self.on_demand_limit: int | None = None  # None: it shares the unreserved places
        self.provisioned: Mapping[str, int] = {}
        self.provisioned_peaks: dict[str, int] = {}
        self.requests = requests
        self.environments = environments

    def recount(self) -> None:
        self.on_demand_count = sum(max(count - self.provisioned.get(version, 0), 0) for version, count in self.running.items())

    def is_in_use(self, now: float) -> bool:
        return self.reserved is not None or bool(self.provisioned) or any(self.running.values()) or not self.environments.is_full(now)


class _Account:
    """Functions that are not in use are forgotten now and then, when new ones come: an account may have many, one after the other."""

    __slots__ = (
        "forgetting_at",
        "functions",
        "limit",
        "peak",
        "rates",
        "requests",
        "running_count",
        "scope",
        "unreserved_count",
        "unreserved_limit",
        "unreserved_peak",
    )

    def __init__(self, limit: int | None, scope: Scope, rates: Rates) -> None:
        self.scope = scope
        self.rates = rates
        self.limit = _NO_LIMIT if limit is None else limit
        self.running_count = self.peak = self.unreserved_peak = 0
        self.unreserved_limit = limit or 0
        self.unreserved_count = 0
        self.functions: dict[str, _Function] = {}
        self.requests = rates.requests(scope, UNRESERVED)
        self.forgetting_at = _REMEMBERED_MIN

    def configure(self, limits: AccountLimits) -> None:
        self.unreserved_limit = limits.unreserved_count
        for name in {*self.functions, *limits.functions}:
            function = self.functions.get(name)
            if function is None:
                function = self.functions[name] = self._new_function(name)
            configured = limits.functions.get(name)
            function.provisioned = {} if configured is None else configured.provisioned_counts
            reserved = None if configured is None else configured.reserved
            function.reserved = reserved
            function.on_demand_limit = None if reserved is None else reserved - sum(function.provisioned.values())
            function.recount()
        self.unreserved_count = sum(function.on_demand_count for function in self.functions.values() if function.on_demand_limit is None)

    def set_limit(self, name: str | None, count: int) -> None:
        if name is None:
            self.unreserved_limit = count
        elif (function := self.functions.get(name)) is not None and function.on_demand_limit is not None:
            function.on_demand_limit = count

    def used_slots(self) -> dict[str, int]:
        used = {UNRESERVED: self.unreserved_count} if self.unreserved_count else {}
        for name, function in self.functions.items():
            if function.on_demand_limit is not None and function.on_demand_count:
                used[name] = function.on_demand_count
            for version, count in function.provisioned.items():
                if running := min(function.running.get(version, 0), count):
                    used[provisioned_pool(name, version)] = running
        return used

    def acquire(self, name: str, version: str, now: float) -> None:
        function = self.functions.get(name)
        if function is None:
            function = self._remember(name, now)
        running = function.running.get(version, 0)
        is_on_demand = not function.provisioned or running >= function.provisioned.get(version, 0)
        is_unreserved = is_on_demand and function.on_demand_limit is None
        if is_unreserved:
            if self.unreserved_count >= self.unreserved_limit:
                raise Throttled(ACCOUNT_REASON)
        elif is_on_demand and function.on_demand_count >= (function.on_demand_limit or 0):
            raise Throttled(RESERVED_REASON)
        if self.running_count >= self.limit:
            raise Throttled(ACCOUNT_REASON)  # limits have changed, and what ran under the old ones is not over yet
        self._check_rate(function, now)
        function.running[version] = running + 1
        function.on_demand_count += is_on_demand
        self.unreserved_count += is_unreserved
        self._note_begun(function)
        if function.provisioned and not is_on_demand:
            function.provisioned_peaks[version] = max(function.provisioned_peaks.get(version, 0), running + 1)

    def prolong(self, name: str, version: str) -> None:
        function = self.functions[name]
        running = function.running[version]
        if not function.provisioned or running >= function.provisioned.get(version, 0):
            function.on_demand_count += 1
            self.unreserved_count += function.on_demand_limit is None
        function.running[version] = running + 1
        self._note_begun(function)

    def release(self, name: str, version: str) -> None:
        function = self.functions[name]
        running = function.running[version] - 1
        if not function.provisioned or running >= function.provisioned.get(version, 0):
            function.on_demand_count -= 1
            self.unreserved_count -= function.on_demand_limit is None
        self.running_count -= 1
        function.running_count -= 1
        function.running[version] = running

    def take_peaks(self, scope: Scope) -> Iterator[ConcurrencyPeak]:
        for name, function in self.functions.items():
            if function.peak:
                yield ConcurrencyPeak(scope=scope, function_name=name, running=function.peak)
            function.peak = function.running_count
            for version, count in function.provisioned.items():
                peak, now = function.provisioned_peaks.pop(version, 0), min(function.running.get(version, 0), count)
                yield ConcurrencyPeak(scope=scope, function_name=name, version=version, running=max(peak, now), provisioned=count)
        if self.peak:
            yield ConcurrencyPeak(scope=scope, function_name=None, running=self.peak, unreserved=self.unreserved_peak)
        self.peak, self.unreserved_peak = self.running_count, self.unreserved_count

    def iter_running(self, scope: Scope) -> Iterator[ConcurrencyPeak]:
        for name, function in self.functions.items():
            yield ConcurrencyPeak(scope=scope, function_name=name, running=function.running_count)
            for version, count in function.provisioned.items():
                now = min(function.running.get(version, 0), count)
                yield ConcurrencyPeak(scope=scope, function_name=name, version=version, running=now, provisioned=count)
        yield ConcurrencyPeak(scope=scope, function_name=None, running=self.running_count, unreserved=self.unreserved_count)

    def _note_begun(self, function: _Function) -> None:
        self.running_count += 1
        function.running_count += 1
        # Comparisons, and not `max`, which costs three times as much on every invocation.
        self.peak = max(self.peak, self.running_count)
        self.unreserved_peak = max(self.unreserved_peak, self.unreserved_count)
        function.peak = max(function.peak, function.running_count)

    def _check_rate(self, function: _Function, now: float) -> None:
        requests, limit, reason = self.requests, self.limit, RATE_REASON
        if function.reserved is not None:
            requests, limit, reason = function.requests, function.reserved, RESERVED_RATE_REASON
        per_second = limit * quotas.REQUESTS_PER_SECOND_OF_CONCURRENCY
        wait_seconds = requests.take(now, capacity=per_second, per_second=per_second)
        if wait_seconds:
            raise Throttled(reason, retry_after_seconds=math.ceil(wait_seconds))

    def _remember(self, name: str, now: float) -> _Function:
        if len(self.functions) >= self.forgetting_at:
            self.functions = {known: function for known, function in self.functions.items() if function.is_in_use(now)}
            self.forgetting_at = max(2 * len(self.functions), _REMEMBERED_MIN)
        function = self.functions[name] = self._new_function(name)
        return function

    def _new_function(self, name: str) -> _Function:
        return _Function(requests=self.rates.requests(self.scope, name), environments=self.rates.environments(self.scope, name))
