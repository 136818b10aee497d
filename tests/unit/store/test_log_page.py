"""Pages put together from batches."""

import pytest

from alonzo.model.log_event import LogEvent
from alonzo.store.log_page import LogPageBuilder


def a_batch(*times: int) -> tuple[LogEvent, ...]:
    return tuple(LogEvent(ms, f"at {ms}") for ms in times)


def a_builder(*, limit: int = 10, start_ms: int | None = None, end_ms: int | None = None, position: str | None = None) -> LogPageBuilder:
    return LogPageBuilder(start_ms=start_ms, end_ms=end_ms, limit=limit, position=position)


def test_a_page_of_nothing_is_complete_and_stays_where_it_is() -> None:
    page = a_builder(start_ms=5).build()
    assert (page.events, page.is_complete) == ((), True)
    assert a_builder(position=page.position).earliest_ms == 5


def test_a_page_keeps_the_earliest_events() -> None:
    builder = a_builder(limit=2)
    builder.add(1, "a", 9, a_batch(3, 4, 5))
    builder.add(2, "b", 9, a_batch(1, 4))
    page = builder.build()
    assert [(event.unix_ms, event.stream) for event in page.events] == [(1, "b"), (3, "a")]
    assert not page.is_complete


def test_a_full_page_tells_that_later_events_are_of_no_interest() -> None:
    builder = a_builder(limit=2)
    builder.add(1, "a", 9, a_batch(1, 2, 3, 4, 5))
    assert builder.latest_ms == 2


def test_a_page_that_is_just_full_is_complete() -> None:
    builder = a_builder(limit=2)
    builder.add(1, "a", 9, a_batch(1, 2))
    assert builder.build().is_complete


def test_events_of_one_millisecond_are_divided_between_pages() -> None:
    first = a_builder(limit=2)
    first.add(1, "a", 9, a_batch(7, 7, 7))
    page = first.build()
    second = a_builder(limit=2, position=page.position)
    second.add(1, "a", 9, a_batch(7, 7, 7))
    rest = second.build()
    assert [event.event_id for event in page.events + rest.events] == ["1-0", "1-1", "1-2"]
    assert rest.is_complete


@pytest.mark.parametrize("position", ["", "1-2", "1-2-x", "1-2-3-4"])
def test_refuses_a_position_that_is_none(position: str) -> None:
    with pytest.raises(ValueError, match="not the position"):
        a_builder(position=position)


def test_refuses_a_page_of_no_events() -> None:
    with pytest.raises(ValueError, match="at least one"):
        a_builder(limit=0)
