"""What is known of deleted functions is shown for a while, and then forgotten."""

from collections.abc import Set

from tests.unit.environment.conftest import a_version

from alonzo.clock import ManualClock
from alonzo.invoke.asynchronous.counters import EventCounters
from alonzo.model.function import FunctionVersion
from alonzo.model.names import FunctionKey, FunctionReference
from alonzo.model.scope import Scope
from alonzo.node.departures import DepartedFunctions
from alonzo.observe.function_metrics import Duration, FunctionMetrics, Metric
from alonzo.observe.metrics.distribution import Distribution

SCOPE = Scope("000000000000", "us-east-1")
GONE, KEPT = ("000000000000", "us-east-1", "gone"), ("000000000000", "us-east-1", "kept")


class Departing:
    """Functions that come and go, and what was said of them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.forgotten: list[Set[FunctionKey]] = []
        self.departed = DepartedFunctions(forget=[self.forgotten.append], clock=self.clock)
        self._version = a_version()

    def note(self, key: FunctionKey, version: str = "$LATEST", *, is_there: bool = False) -> None:
        current: FunctionVersion | None = self._version if is_there else None
        self.departed.note((*key, version), current)

    def pass_by(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.departed.sweep()


def test_a_deleted_function_is_forgotten_once_its_last_counts_have_been_seen() -> None:
    there = Departing()
    there.note(GONE)
    there.pass_by(149)
    assert there.forgotten == []
    there.pass_by(1)
    there.pass_by(1_000)
    assert there.forgotten == [{GONE}]


def test_one_that_is_made_again_meanwhile_is_not_forgotten_nor_one_that_loses_a_version() -> None:
    there = Departing()
    there.note(GONE)
    there.note(KEPT, "1")
    there.note(GONE, is_there=True)
    there.pass_by(1_000)
    assert there.forgotten == []


def test_counts_of_other_functions_stay() -> None:
    metrics, counters = FunctionMetrics(), EventCounters()
    for name in ("gone", "kept"):
        metrics.count(Metric.INVOCATIONS, SCOPE, name)
        metrics.add_durations(Duration.INVOCATION, SCOPE, name, Distribution())
        counters.of(FunctionReference(SCOPE, name)).accepted += 1
    metrics.forget({GONE})
    counters.forget({GONE})
    assert {key.function_name for key, _ in metrics.iter_counts()} == {"kept"}
    assert {key.function_name for key in metrics.durations} == {"kept"}
    assert {reference.name for reference in counters.functions()} == {"kept"}
