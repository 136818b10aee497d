"""What becomes of batches of ordered sources: bisecting, retries, ages, partial answers, windows."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sources.streams import HERE, Function, NumberReader, a_mapping, a_record

from alonzo.observe.function_metrics import Metric, MetricKey
from alonzo.sources.failures import Condition
from alonzo.sources.stream_batches import StreamBatches
from alonzo.sources.stream_windows import TumblingWindows

DAY_MS = 86_400_000


def _process(function: Function, numbers: list[int], *, arrived_unix_ms: int = 0, **settings: Any) -> list[int]:
    """The records that were done, in the order in which they were."""
    done: list[int] = []

    async def run() -> None:
        reader: Any = NumberReader()
        batches = StreamBatches(
            mapping=a_mapping(**{"maximum_retry_attempts": -1, **settings}),
            kit=function.kit,
            reader=reader,
            unit="shard#1",
            windows=None,
            on_done=lambda records: done.extend(int(record.identifier) for record in records),
            stopping=asyncio.Event(),
        )
        assert await batches.process([a_record(number, arrived_unix_ms=arrived_unix_ms) for number in numbers])

    asyncio.run(run())
    return done


def _fail_on(*poison: int) -> Any:
    def answer(event: dict[str, Any]) -> None:
        if set(poison) & set(event["records"]):
            raise ValueError("poison")

    return answer


def test_a_batch_is_tried_as_often_as_the_mapping_says() -> None:
    function = Function(_fail_on(2))
    assert _process(function, [1, 2, 3], maximum_retry_attempts=2) == [1, 2, 3]
    assert function.batches == [[1, 2, 3]] * 3
    (given_up,) = function.given_up
    assert (given_up.condition, given_up.invoke_count, given_up.record_count) == (Condition.RETRY_ATTEMPTS_EXHAUSTED, 3, 3)
    assert given_up.place == "shard"
    assert function.results[-1] == "PROBLEM: Function call failed"


def test_splitting_costs_no_retry() -> None:
    function = Function(_fail_on(3))
    assert _process(function, [1, 2, 3, 4], maximum_retry_attempts=1, bisect_batch_on_function_error=True) == [1, 2, 3, 4]
    assert function.batches == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [4]]
    assert [given_up.source_info for given_up in function.given_up] == [{"first": "3", "last": "3"}]


def test_a_partial_answer_splits_at_the_record_that_it_names() -> None:
    def answer(event: dict[str, Any]) -> Any:
        failed = [number for number in event["records"] if number == 3 and len(event["records"]) > 1]
        return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in failed]}

    function = Function(answer)
    settings = {"function_response_types": ("ReportBatchItemFailures",), "bisect_batch_on_function_error": True}
    assert _process(function, [1, 2, 3, 4], maximum_retry_attempts=0, **settings) == [1, 2, 3, 4]
    assert function.batches == [[1, 2, 3, 4], [3, 4], [3], [4]]
    assert not function.given_up


def test_what_an_answer_says_of_records_counts_only_where_the_mapping_asks_for_it() -> None:
    function = Function(lambda event: {"batchItemFailures": [{"itemIdentifier": "1"}]})
    assert _process(function, [1, 2]) == [1, 2]
    assert len(function.events) == 1


def test_records_that_are_too_old_are_given_up_without_being_tried() -> None:
    function = Function(lambda event: None)
    now = function.clock.unix_ms()
    assert _process(function, [1, 2], arrived_unix_ms=now - 61_000, maximum_record_age_seconds=60) == [1, 2]
    assert not function.events
    (given_up,) = function.given_up
    assert (given_up.condition, given_up.invoke_count, given_up.answer) == (Condition.RECORD_AGE_EXCEEDED, 0, None)


def test_a_batch_that_fails_is_given_up_when_it_has_become_too_old() -> None:
    function = Function(_fail_on(1))

    def answer(event: dict[str, Any]) -> None:
        function.clock.advance(40)
        raise ValueError("slow")

    function.answer = answer
    assert _process(function, [1], arrived_unix_ms=function.clock.unix_ms(), maximum_record_age_seconds=60) == [1]
    assert len(function.events) == 2
    (given_up,) = function.given_up
    assert (given_up.condition, given_up.invoke_count) == (Condition.RECORD_AGE_EXCEEDED, 2)


def test_the_iterators_age_is_how_old_the_last_record_was_when_it_was_done() -> None:
    function = Function(lambda event: function.clock.advance(2))
    _process(function, [1, 2], arrived_unix_ms=function.clock.unix_ms() - 5_000)
    assert dict(function.metrics.iter_counts()) == {MetricKey(Metric.ITERATOR_AGE, HERE, "f", "u"): 7_000}


@given(
    count=st.integers(1, 20),
    poison=st.sets(st.integers(0, 19)),
    bisects=st.booleans(),
    names_failures=st.booleans(),
)
def test_every_record_is_done_once_and_in_order(count: int, poison: set[int], bisects: bool, names_failures: bool) -> None:
    def answer(event: dict[str, Any]) -> Any:
        failed = sorted(poison & set(event["records"]))
        if failed and not names_failures:
            raise ValueError("poison")
        return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in failed]}

    function = Function(answer)
    settings: dict[str, Any] = {"maximum_retry_attempts": 0, "bisect_batch_on_function_error": bisects}
    if names_failures:
        settings["function_response_types"] = ("ReportBatchItemFailures",)
    numbers = list(range(count))
    assert _process(function, numbers, **settings) == numbers
    if bisects:
        given_up = {int(each.source_info["first"]) for each in function.given_up}
        assert given_up == poison & set(numbers)


def test_state_that_has_outgrown_its_limit_ends_the_window_early_and_none_at_all_is_a_failure() -> None:
    windows = TumblingWindows(size_seconds=60, open_window=None)
    windows.enter(a_record(1, arrived_unix_ms=DAY_MS + 61_000))
    assert not windows.keep(b'{"batchItemFailures": []}')
    assert not windows.keep(b"null")
    assert windows.keep(b'{"state": {"n": 1}}')
    assert not windows.is_too_large
    members = windows.members(unit="shard", source_arn="arn", is_final=False, is_early=False)
    assert members["window"] == {"start": "1970-01-02T00:01:00Z", "end": "1970-01-02T00:02:00Z"}
    assert windows.keep(b'{"state": "' + b"x" * (1 << 20) + b'"}')
    assert windows.is_too_large
    windows.reset()
    assert not windows.is_too_large


def test_a_window_is_over_with_the_first_record_behind_it_or_when_all_was_read_after_it() -> None:
    windows = TumblingWindows(size_seconds=60, open_window=None)
    assert not windows.is_over(a_record(1), read_unix_ms=0)
    windows.enter(a_record(1, arrived_unix_ms=30_000))
    assert not windows.is_over(a_record(2, arrived_unix_ms=59_999), read_unix_ms=59_999)
    assert windows.is_over(a_record(2, arrived_unix_ms=60_000), read_unix_ms=0)
    assert not windows.is_over(None, read_unix_ms=59_999)
    assert windows.is_over(None, read_unix_ms=60_000)
