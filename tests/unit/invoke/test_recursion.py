"""Which invocations are stopped because they go round in a loop."""

from collections.abc import Callable

import pytest

from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.settings.recursion import RecursiveLoop
from alonzo.invoke.errors import RecursiveInvocation
from alonzo.invoke.recursion import RecursionGuard
from alonzo.model.lineage import advanced, mark_of
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import FunctionMetrics

FUNCTION = FunctionReference(Scope("123456789012", "us-east-1"), "f", "live")
MARK = mark_of(FUNCTION.scope, "f")


class MemorySettings:
    def __init__(self, get: Callable[[], RecursiveLoop]) -> None:
        self._get = get

    def get(self, reference: FunctionReference) -> RecursiveLoop:
        assert reference == FUNCTION
        return self._get()


def a_guard(get: Callable[[], RecursiveLoop]) -> tuple[RecursionGuard, FunctionMetrics]:
    metrics = FunctionMetrics()
    return RecursionGuard(settings=MemorySettings(get), metrics=metrics), metrics


def after(invocation_count: int) -> str:
    header = "Root=1"
    for _ in range(invocation_count):
        header = advanced(header, MARK)
    return header


def test_sixteen_rounds_are_run_and_the_next_is_stopped() -> None:
    guard, metrics = a_guard(lambda: RecursiveLoop.TERMINATE)
    for number in range(17):
        guard.check(FUNCTION, after(number))
    assert list(metrics.iter_counts()) == []
    with pytest.raises(RecursiveInvocation, match="recursive loop"):
        guard.check(FUNCTION, after(17))
    ((key, count),) = metrics.iter_counts()
    assert (key.metric.value, key.function_name, count) == ("RecursiveInvocationsDropped", "f", 1)


def test_a_function_that_may_go_round_does() -> None:
    guard, metrics = a_guard(lambda: RecursiveLoop.ALLOW)
    guard.check(FUNCTION, after(100))
    assert list(metrics.iter_counts()) == []


def test_settings_are_not_asked_for_as_long_as_there_is_no_loop() -> None:
    def never() -> RecursiveLoop:
        raise AssertionError

    guard, _ = a_guard(never)
    guard.check(FUNCTION, after(3))


def test_a_function_that_is_gone_is_somebody_elses_problem() -> None:
    def gone() -> RecursiveLoop:
        raise FunctionNotFound("arn")

    guard, _ = a_guard(gone)
    guard.check(FUNCTION, after(20))
