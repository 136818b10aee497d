"""When an event is tried again, and when no more. Pure rules, of counts and instants.

Function errors are retried after one minute and after two more, and no more often than is configured. What keeps an event from being
run at all (an error of the system) is retried with growing pauses. An event that is too old is not run.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html.
"""

from dataclasses import dataclass

from alonzo.model.event_invoke_config import EventInvokeConfig
from alonzo.model.quotas import EVENT_AGE_DEFAULT_SECONDS, RETRY_ATTEMPTS_DEFAULT

BACKOFF_FIRST_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 300.0
"""Source of both: the page above, "increases exponentially from 1 second after the first attempt to a maximum of 5 minutes"."""
_DOUBLINGS_MAX = 30  # more than it takes to get to the maximum, and few enough for a float


@dataclass(frozen=True, slots=True)
class EventLimits:
    """What is configured for a function, version or alias, or what holds without configuration."""

    retry_attempts: int = RETRY_ATTEMPTS_DEFAULT
    age_seconds: int = EVENT_AGE_DEFAULT_SECONDS

    @classmethod
    def of(cls, config: EventInvokeConfig | None) -> "EventLimits":
        """Those of a configuration; defaults for what it does not set."""
        if config is None:
            return _DEFAULTS
        retries, age_seconds = config.maximum_retry_attempts, config.maximum_event_age_seconds
        return cls(
            RETRY_ATTEMPTS_DEFAULT if retries is None else retries,
            EVENT_AGE_DEFAULT_SECONDS if age_seconds is None else age_seconds,
        )


_DEFAULTS = EventLimits()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`function_error_delays_seconds`: before the first retry, the second, …; the last one holds for any more."""

    function_error_delays_seconds: tuple[float, ...]

    def due_after_function_error(self, *, invoke_count: int, accepted_unix_ms: int, now_unix_ms: int, limits: EventLimits) -> int | None:
        """When to run the function again, which has failed `invoke_count` times; None: no more.

        An event that will be too old by then comes up when it is too old, and not later.
        """
        if invoke_count > limits.retry_attempts:
            return None
        delays = self.function_error_delays_seconds
        delay_seconds = delays[min(invoke_count, len(delays)) - 1]
        return _no_later_than_too_old(now_unix_ms + round(delay_seconds * 1000), accepted_unix_ms, limits)

    def due_after_system_error(self, *, error_count: int, accepted_unix_ms: int, now_unix_ms: int, limits: EventLimits) -> int:
        """When to try again an event that could not be run `error_count` times."""
        return _no_later_than_too_old(now_unix_ms + round(backoff_seconds(error_count) * 1000), accepted_unix_ms, limits)


def is_too_old(*, accepted_unix_ms: int, now_unix_ms: int, limits: EventLimits) -> bool:
    """Whether an event is not to be run any more."""
    return now_unix_ms - accepted_unix_ms >= limits.age_seconds * 1000


def backoff_seconds(attempt: int) -> float:
    """The pause after the first, second, … attempt."""
    return min(BACKOFF_FIRST_SECONDS * 2.0 ** min(attempt - 1, _DOUBLINGS_MAX), BACKOFF_MAX_SECONDS)


def _no_later_than_too_old(due_unix_ms: int, accepted_unix_ms: int, limits: EventLimits) -> int:
    return min(due_unix_ms, accepted_unix_ms + limits.age_seconds * 1000)
