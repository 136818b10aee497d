"""Places are counted exactly: for each account and region, each function with reserved and each version with provisioned concurrency."""

from collections import Counter
from collections.abc import Mapping
from copy import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from alonzo.clock import ManualClock
from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import Throttled
from alonzo.invoke.rates import Rate
from alonzo.model.concurrency import AccountLimits, FunctionLimits
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope

from .test_pools import a_version

HERE, THERE = Scope("000000000000", "us-east-1"), Scope("000000000000", "eu-west-1")
OTHER = Scope("111111111111", "us-east-1")
ACCOUNT, RESERVED = "ConcurrentInvocationLimitExceeded", "ReservedFunctionConcurrentInvocationLimitExceeded"


def of(scope: Scope = HERE, name: str = "function", version: str = "$LATEST") -> FunctionVersion:
    return msgspec.structs.replace(a_version(name), scope=scope, version=version)


def an_admission(
    *,
    clock: ManualClock | None = None,
    limit: int = 10,
    reserved: Mapping[str, int] | None = None,
    provisioned: Mapping[str, Mapping[str, int]] | None = None,
) -> Admission:
    admission = Admission(account_limit=limit, clock=clock or ManualClock())
    admission.configure(HERE, limits_of(limit, reserved or {}, provisioned or {}))
    return admission


def limits_of(limit: int, reserved: Mapping[str, int], provisioned: Mapping[str, Mapping[str, int]]) -> AccountLimits:
    functions = {
        name: FunctionLimits(reserved=reserved.get(name), provisioned_counts=provisioned.get(name, {}))
        for name in {*reserved, *provisioned}
    }
    claimed = sum(reserved.get(name, sum(provisioned.get(name, {}).values())) for name in functions)
    return AccountLimits(unreserved_count=limit - claimed, functions=functions)


def admitted(admission: Admission, version: FunctionVersion, tries: int = 30) -> int:
    """How many of so many tries get a place."""
    return sum(try_once(admission, version) is None for _ in range(tries))


def try_once(admission: Admission, version: FunctionVersion) -> str | None:
    try:
        admission.acquire(version)
    except Throttled as throttled:
        return throttled.reason
    return None


def test_the_limit_is_reached_and_not_passed() -> None:
    admission = an_admission(limit=2)
    assert [try_once(admission, of()) for _ in range(3)] == [None, None, ACCOUNT]
    admission.release(of())
    assert try_once(admission, of()) is None


def test_accounts_and_regions_have_limits_of_their_own() -> None:
    admission = an_admission(limit=1)
    for scope in (HERE, THERE, OTHER):
        admission.acquire(of(scope))
    assert [admission.running_count(scope) for scope in (HERE, THERE, OTHER)] == [1, 1, 1]


def test_a_refusal_takes_no_place() -> None:
    admission = an_admission(limit=0)
    assert try_once(admission, of()) == ACCOUNT
    assert admission.running_count(HERE) == 0


def test_a_reservation_is_a_guarantee_and_a_limit() -> None:
    admission = an_admission(limit=10, reserved={"mine": 3})
    assert admitted(admission, of(name="other")) == 7
    assert try_once(admission, of(name="other")) == ACCOUNT
    assert admitted(admission, of(name="mine")) == 3
    assert try_once(admission, of(name="mine")) == RESERVED


def test_a_reservation_is_of_all_versions_together() -> None:
    admission = an_admission(reserved={"mine": 3})
    assert [admitted(admission, of(name="mine", version=version)) for version in ("$LATEST", "1")] == [3, 0]


def test_a_reservation_of_nothing_stops_a_function() -> None:
    assert try_once(an_admission(reserved={"mine": 0}), of(name="mine")) == RESERVED


def test_provisioned_places_are_kept_for_their_version_which_spills_over() -> None:
    admission = an_admission(limit=10, provisioned={"mine": {"1": 4}})
    assert admitted(admission, of(name="other")) == 6
    assert admitted(admission, of(name="mine", version="2")) == 0
    assert admitted(admission, of(name="mine", version="1")) == 4
    admission.release(of(name="other"))
    assert admitted(admission, of(name="mine", version="1")) == 1


def test_provisioned_places_are_part_of_the_reserved() -> None:
    admission = an_admission(limit=10, reserved={"mine": 5}, provisioned={"mine": {"1": 3}})
    assert admitted(admission, of(name="mine", version="2")) == 2
    assert try_once(admission, of(name="mine", version="2")) == RESERVED
    assert admitted(admission, of(name="mine", version="1")) == 3
    assert admitted(admission, of(name="other")) == 5


def test_what_runs_already_counts_under_new_limits() -> None:
    admission = an_admission(limit=10)
    assert admitted(admission, of(name="mine"), tries=4) == 4
    admission.configure(HERE, limits_of(10, {"mine": 5}, {}))
    assert admitted(admission, of(name="mine")) == 1
    assert admitted(admission, of(name="other")) == 5
    admission.configure(HERE, limits_of(10, {}, {}))
    assert admitted(admission, of(name="mine")) == 0


class Places(RuleBasedStateMachine):
    """Any order of invocations, ends and changes of the limits; what must hold is said without knowing how it is counted."""

    LIMIT = 12
    NAMES = ("a", "b", "c")
    VERSIONS = ("1", "2")

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.admission = Admission(account_limit=self.LIMIT, clock=self.clock)
        self.running: Counter[tuple[str, str]] = Counter()
        self.reserved: dict[str, int] = {}
        self.provisioned: dict[str, dict[str, int]] = {}

    @rule(name=st.sampled_from(NAMES), version=st.sampled_from(VERSIONS))
    def invoke(self, name: str, version: str) -> None:
        self.clock.advance(1)  # the rate of requests is not what this is about
        reason = try_once(self.admission, of(name=name, version=version))
        may_run = self._has_place(name, version) and self.running.total() < self.LIMIT
        assert (reason is None) == may_run
        if reason is None:
            self.running[name, version] += 1

    @rule(data=st.data())
    def end(self, data: Any) -> None:
        if self.running.total():
            name, version = data.draw(st.sampled_from(sorted(+self.running)))
            self.admission.release(of(name=name, version=version))
            self.running[name, version] -= 1

    @rule(
        reserved=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 4)),
        provisioned=st.dictionaries(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(VERSIONS), st.integers(1, 2), min_size=1)),
    )
    def change_limits(self, reserved: dict[str, int], provisioned: dict[str, dict[str, int]]) -> None:
        for name, counts in provisioned.items():
            if name in reserved:
                reserved[name] = max(reserved[name], sum(counts.values()))
        self.reserved, self.provisioned = reserved, provisioned
        self.admission.configure(HERE, limits_of(self.LIMIT, reserved, provisioned))

    @invariant()
    def counts_are_exact(self) -> None:
        assert self.admission.running_count(HERE) == self.running.total() <= self.LIMIT

    def _has_place(self, name: str, version: str) -> bool:
        if self.running[name, version] < self.provisioned.get(name, {}).get(version, 0):
            return True
        if name in self.reserved:
            return self._on_demand(name) < self.reserved[name] - sum(self.provisioned.get(name, {}).values())
        unreserved = self.LIMIT - sum(
            self.reserved.get(other, sum(self.provisioned.get(other, {}).values())) for other in {*self.reserved, *self.provisioned}
        )
        return sum(self._on_demand(other) for other in self.NAMES if other not in self.reserved) < unreserved

    def _on_demand(self, name: str) -> int:
        provisioned = self.provisioned.get(name, {})
        return sum(max(self.running[name, version] - provisioned.get(version, 0), 0) for version in self.VERSIONS)


TestPlaces = Places.TestCase
TestPlaces.settings = settings(max_examples=50)


def test_functions_that_do_not_run_are_forgotten_in_the_end() -> None:
    clock = ManualClock()
    admission = an_admission(clock=clock, reserved={"mine": 1})
    admission.acquire(of(name="busy"))
    for number in range(1_000):
        clock.advance(1)
        admission.acquire(of(name=str(number)))
        admission.release(of(name=str(number)))
    remembered = admission._accounts[HERE].functions
    assert len(remembered) <= 64
    assert {"mine", "busy"} <= remembered.keys()


RATE, RESERVED_RATE = "FunctionInvocationRateLimitExceeded", "ReservedFunctionInvocationRateLimitExceeded"


def begun(admission: Admission, version: FunctionVersion, tries: int) -> list[str | None]:
    """What comes of so many invocations, each over at once."""
    reasons = []
    for _ in range(tries):
        reasons.append(try_once(admission, version))
        if reasons[-1] is None:
            admission.release(version)
    return reasons


def test_ten_times_as_many_begin_in_a_second_as_run_at_once() -> None:
    clock = ManualClock()
    admission = an_admission(clock=clock, limit=10)
    assert begun(admission, of(), 101) == [None] * 100 + [RATE]
    clock.advance(0.5)
    assert begun(admission, of(name="other"), 51) == [None] * 50 + [RATE]


def test_a_reserved_function_has_a_rate_of_its_own() -> None:
    clock = ManualClock()
    admission = an_admission(clock=clock, limit=10, reserved={"mine": 2})
    assert begun(admission, of(name="mine"), 21) == [None] * 20 + [RESERVED_RATE]
    assert begun(admission, of(), 101) == [None] * 100 + [RATE]
    clock.advance(0.1)
    assert begun(admission, of(name="mine"), 3) == [None, None, RESERVED_RATE]


def test_who_is_refused_for_the_rate_takes_no_place_and_is_told_when_to_come_again() -> None:
    admission = an_admission(limit=1)
    begun(admission, of(), 10)
    with pytest.raises(Throttled) as refusal:
        admission.acquire(of())
    assert (refusal.value.reason, refusal.value.retry_after_seconds) == (RATE, 1)
    assert admission.running_count(HERE) == 0


def test_a_function_gets_a_thousand_new_environments_in_ten_seconds_and_another_one_its_own() -> None:
    clock = ManualClock()
    admission = an_admission(clock=clock, limit=1_000)
    for name in ("one", "other"):
        admission.acquire(of(name=name))
        for _ in range(1_000):
            admission.begin_environment(of(name=name))
    with pytest.raises(Throttled):
        admission.begin_environment(of(name="one"))
    clock.advance(1)
    for _ in range(100):
        admission.begin_environment(of(name="one"))
    with pytest.raises(Throttled):
        admission.begin_environment(of(name="one"))


@given(
    capacity=st.integers(1, 20),
    per_second=st.integers(1, 50),
    steps=st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=100),
)
def test_no_stretch_of_time_sees_more_than_its_share(capacity: int, per_second: int, steps: list[tuple[int, bool]]) -> None:
    rate, now, taken = Rate(), 0.0, []
    for pause_ms, tries in steps:
        now += pause_ms / 1_000
        if tries:
            wait_seconds = rate.take(now, capacity=capacity, per_second=per_second)
            if wait_seconds:
                assert Rate.take(copy(rate), now + wait_seconds, capacity=capacity, per_second=per_second) == 0
            else:
                taken.append(now)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= capacity + per_second * (taken[last] - start) + 1e-3
