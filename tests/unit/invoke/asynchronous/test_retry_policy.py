"""When an event is tried again, and when no more."""

from hypothesis import given
from hypothesis import strategies as st

from alonzo.invoke.asynchronous.retry_policy import (
    BACKOFF_MAX_SECONDS,
    EventLimits,
    RetryPolicy,
    backoff_seconds,
    is_too_old,
)

POLICY = RetryPolicy((60.0, 120.0))
LIMITS = st.builds(EventLimits, retry_attempts=st.integers(0, 2), age_seconds=st.integers(60, 21_600))
MILLISECONDS = st.integers(0, 10**13)


def test_by_default_a_function_is_run_again_after_one_and_two_minutes() -> None:
    dues = [
        POLICY.due_after_function_error(invoke_count=count, accepted_unix_ms=0, now_unix_ms=1_000, limits=EventLimits.of(None))
        for count in (1, 2, 3)
    ]
    assert dues == [61_000, 121_000, None]


def test_the_system_backs_off_from_a_second_to_five_minutes() -> None:
    assert [backoff_seconds(attempt) for attempt in (1, 2, 3, 9, 10, 10_000)] == [1, 2, 4, 256, 300, 300]


@given(accepted=MILLISECONDS, waited=st.integers(0, 21_600_000), limits=LIMITS, delays=st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)))
def test_there_are_exactly_as_many_runs_as_allowed(accepted: int, waited: int, limits: EventLimits, delays: tuple[float, float]) -> None:
    policy, invoke_count = RetryPolicy(delays), 1
    while (
        policy.due_after_function_error(invoke_count=invoke_count, accepted_unix_ms=accepted, now_unix_ms=accepted + waited, limits=limits)
        is not None
    ):
        invoke_count += 1
    assert invoke_count == limits.retry_attempts + 1


@given(accepted=MILLISECONDS, waited=st.integers(0, 21_600_000), limits=LIMITS, error_count=st.integers(1, 10_000))
def test_an_event_comes_up_no_later_than_when_it_is_too_old(accepted: int, waited: int, limits: EventLimits, error_count: int) -> None:
    now = accepted + waited
    due = POLICY.due_after_system_error(error_count=error_count, accepted_unix_ms=accepted, now_unix_ms=now, limits=limits)
    assert due <= accepted + limits.age_seconds * 1000
    assert due <= now + BACKOFF_MAX_SECONDS * 1000
    assert due > now or is_too_old(accepted_unix_ms=accepted, now_unix_ms=now, limits=limits)
    assert is_too_old(accepted_unix_ms=accepted, now_unix_ms=accepted + limits.age_seconds * 1000, limits=limits)


@given(attempt=st.integers(1, 10**6))
def test_backoff_never_shrinks(attempt: int) -> None:
    assert backoff_seconds(attempt) <= backoff_seconds(attempt + 1) <= BACKOFF_MAX_SECONDS
