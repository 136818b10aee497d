"""Places are counted exactly: for each account and region, each function with reserved and each version with provisioned concurrency."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import Throttled
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
    *, limit: int = 10, reserved: Mapping[str, int] | None = None, provisioned: Mapping[str, Mapping[str, int]] | None = None
) -> Admission:
    admission = Admission(account_limit=limit)
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
        self.admission = Admission(account_limit=self.LIMIT)
        self.running: Counter[tuple[str, str]] = Counter()
        self.reserved: dict[str, int] = {}
        self.provisioned: dict[str, dict[str, int]] = {}

    @rule(name=st.sampled_from(NAMES), version=st.sampled_from(VERSIONS))
    def invoke(self, name: str, version: str) -> None:
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
    admission = an_admission(reserved={"mine": 1})
    admission.acquire(of(name="busy"))
    for number in range(1_000):
        admission.acquire(of(name=str(number)))
        admission.release(of(name=str(number)))
    remembered = admission._accounts[HERE].functions
    assert len(remembered) <= 64
    assert {"mine", "busy"} <= remembered.keys()
