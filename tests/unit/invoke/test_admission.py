"""Places are counted exactly, for each account and region."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import Throttled
from alonzo.model.scope import Scope

HERE, THERE = Scope("000000000000", "us-east-1"), Scope("000000000000", "eu-west-1")
OTHER = Scope("111111111111", "us-east-1")


def test_the_limit_is_reached_and_not_passed() -> None:
    admission = Admission(account_limit=2)
    admission.acquire(HERE)
    admission.acquire(HERE)
    with pytest.raises(Throttled) as throttled:
        admission.acquire(HERE)
    assert throttled.value.reason == "ConcurrentInvocationLimitExceeded"
    admission.release(HERE)
    admission.acquire(HERE)


def test_accounts_and_regions_have_limits_of_their_own() -> None:
    admission = Admission(account_limit=1)
    for scope in (HERE, THERE, OTHER):
        admission.acquire(scope)
    assert [admission.running_count(scope) for scope in (HERE, THERE, OTHER)] == [1, 1, 1]


def test_a_refusal_takes_no_place() -> None:
    admission = Admission(account_limit=0)
    with pytest.raises(Throttled):
        admission.acquire(HERE)
    assert admission.running_count(HERE) == 0


@given(st.lists(st.booleans(), max_size=60))
def test_the_count_is_what_was_taken_less_what_was_given_back(takes: list[bool]) -> None:
    admission, running = Admission(account_limit=5), 0
    for take in takes:
        if not take:
            if running:
                admission.release(HERE)
                running -= 1
        elif running < 5:
            admission.acquire(HERE)
            running += 1
        else:
            with pytest.raises(Throttled):
                admission.acquire(HERE)
        assert admission.running_count(HERE) == running
