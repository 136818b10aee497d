"""Functions' logs: appended in batches, read by time and in pages, dropped when the space ends."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alonzo.model.log_event import LogEvent
from alonzo.model.scope import Scope
from alonzo.store.connection import connect
from alonzo.store.log_page import LogPage, LogPortion
from alonzo.store.log_stream import LATENESS_MS, LogStore
from alonzo.store.server import EmbeddedServer

from .conftest import OpenStore

SCOPE = Scope("000000000000", "us-east-1")
GROUP = "/aws/lambda/hello"
STREAM = "2026/01/02/[$LATEST]0123456789abcdef"
SPACE = 64 << 20
NOW = 0
"""Milliseconds since 1970 when the test began."""


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "NOW", time.time_ns() // 1_000_000)


def events(*times: int) -> list[LogEvent]:
    return [LogEvent(NOW + ms, f"at {ms}") for ms in times]


def times_of(page: LogPage) -> list[int]:
    return [event.unix_ms - NOW for event in page.events]


async def test_gives_back_what_was_appended(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        await logs.append(scope=SCOPE, group=GROUP, stream=STREAM, entries=[LogEvent(NOW, "ä\n"), LogEvent(NOW + 1, "")])
        page = await logs.read(scope=SCOPE, group=GROUP, limit=10)
        assert [(e.unix_ms, e.message, e.stream) for e in page.events] == [(NOW, "ä\n", STREAM), (NOW + 1, "", STREAM)]
        assert len({e.event_id for e in page.events}) == 2
        assert abs(page.events[0].ingestion_ms - NOW) < LATENESS_MS
        assert page.is_complete


async def test_appends_to_several_streams_together(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        long = [LogEvent(NOW + number, "x" * 1_000) for number in range(600)]  # of more than one message
        portions = [
            LogPortion(SCOPE, GROUP, "a", long),
            LogPortion(SCOPE, "other", "b", events(5)),
            LogPortion(SCOPE, GROUP, "c", events(6, 7)),
        ]
        assert await logs.append_all(portions) == [None, None, None]
        page = await logs.read(scope=SCOPE, group=GROUP, stream="a", limit=1_000)
        assert [(event.unix_ms, event.message) for event in page.events] == [(event.unix_ms, event.message) for event in long]
        assert times_of(await logs.read(scope=SCOPE, group="other", limit=10)) == [5]
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, stream="c", limit=10)) == [6, 7]


async def test_appending_nothing_stores_nothing(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        await logs.append(scope=SCOPE, group=GROUP, stream=STREAM, entries=[])
        assert await logs.list_groups(scope=SCOPE) == []
        assert (await logs.read(scope=SCOPE, group=GROUP, limit=1)).events == ()


async def test_sorts_the_streams_of_a_group_by_time(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(5, 7, 9))
        await logs.append(scope=SCOPE, group=GROUP, stream="b", entries=events(4, 7, 8))
        await logs.append(scope=SCOPE, group="other", stream="b", entries=events(6))
        page = await logs.read(scope=SCOPE, group=GROUP, limit=10)
        assert [(e.unix_ms - NOW, e.stream) for e in page.events] == [(4, "b"), (5, "a"), (7, "a"), (7, "b"), (8, "b"), (9, "a")]


async def test_batches_are_read_once_each_in_portions(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        for number in range(24):
            await logs.append(scope=SCOPE, group=GROUP, stream=f"s{number % 2}", entries=[LogEvent(NOW, f"{number:0200000}")])
        await logs.append(scope=SCOPE, group="other", stream="s", entries=events(1))
        found: list[tuple[str, int]] = []
        positions, position = 0, None
        while positions == 0 or position is not None:
            batches, position = await logs.read_batches(scope=SCOPE, group=GROUP, start_ms=NOW, end_ms=NOW, position=position)
            found += [(batch.stream, int(event.message[-2:])) for batch in batches for event in logs.unpack(batch)]
            positions += 1
        assert positions > 1
        assert found == [(f"s{number % 2}", number) for number in range(24)]
        assert await logs.read_batches(scope=SCOPE, group="nobodys", start_ms=0, end_ms=NOW) == ([], None)


async def test_an_event_is_found_by_its_id_in_its_own_group_only(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(1, 2))
        page = await logs.read(scope=SCOPE, group=GROUP, limit=10)
        for event in page.events:
            assert await logs.find_event(scope=SCOPE, group=GROUP, event_id=event.event_id) == event
        assert await logs.find_event(scope=SCOPE, group="other", event_id=page.events[0].event_id) is None
        assert await logs.find_event(scope=Scope("1", "us-east-1"), group=GROUP, event_id=page.events[0].event_id) is None
        for wrong in ("", "1", "1-", "1-2", "7-0", "x-0", "\u0662-0"):
            assert await logs.find_event(scope=SCOPE, group=GROUP, event_id=wrong) is None


async def test_time_limits_are_inclusive(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(1, 2, 3, 4, 5))
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, start_ms=NOW + 2, end_ms=NOW + 4, limit=10)) == [2, 3, 4]
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, start_ms=NOW + 6, limit=10)) == []
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, end_ms=NOW, limit=10)) == []
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, end_ms=NOW - 2 * LATENESS_MS, limit=10)) == []


async def test_reads_one_stream_or_those_with_a_prefix(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        for number, stream in enumerate(("a", "a.b", "b")):
            await logs.append(scope=SCOPE, group=GROUP, stream=stream, entries=events(number))
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, stream="a", limit=10)) == [0]
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, stream_prefix="a", limit=10)) == [0, 1]
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, stream="none", limit=10)) == []


async def test_scopes_do_not_meet(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(1))
        for other in (Scope("111111111111", "us-east-1"), Scope("000000000000", "eu-west-1")):
            assert (await logs.read(scope=other, group=GROUP, limit=10)).events == ()
            assert await logs.list_groups(scope=other) == []


async def test_a_reader_can_go_on_from_the_last_page(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(1, 2))
        page = await logs.read(scope=SCOPE, group=GROUP, limit=10)
        nothing = await logs.read(scope=SCOPE, group=GROUP, limit=10, position=page.position)
        assert (nothing.events, nothing.is_complete) == ((), True)
        await logs.append(scope=SCOPE, group=GROUP, stream="b", entries=events(2, 3))
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, limit=10, position=nothing.position)) == [2, 3]


async def test_a_position_of_nobody_is_refused(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        with pytest.raises(ValueError, match="position"):
            await logs.read(scope=SCOPE, group=GROUP, limit=10, position="not-mine")


async def test_lists_groups_and_streams(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        for group, stream in (("g.1", STREAM), ("g.1", "b*"), ("g 2", ""), ("h", "x")):
            await logs.append(scope=SCOPE, group=group, stream=stream, entries=events(1))
        assert await logs.list_groups(scope=SCOPE) == ["g 2", "g.1", "h"]
        assert await logs.list_groups(scope=SCOPE, prefix="g") == ["g 2", "g.1"]
        assert await logs.list_streams(scope=SCOPE, group="g.1") == [STREAM, "b*"]
        assert await logs.list_streams(scope=SCOPE, group="g.1", prefix="b") == ["b*"]
        assert await logs.list_streams(scope=SCOPE, group="g 2") == [""]
        assert await logs.list_streams(scope=SCOPE, group="none") == []


async def test_tells_from_when_to_when_a_stream_has_events(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        assert await logs.find_span(scope=SCOPE, group=GROUP, stream="a") is None
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(1, 2))
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(3, 4))
        span = await logs.find_span(scope=SCOPE, group=GROUP, stream="a")
        assert span is not None
        assert (span.first_event_ms - NOW, span.last_event_ms - NOW) == (1, 4)


async def test_deletes_a_stream_or_a_group(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        for group, stream in (("g", "a"), ("g", "b"), ("h", "a")):
            await logs.append(scope=SCOPE, group=group, stream=stream, entries=events(1))
        await logs.delete(scope=SCOPE, group="g", stream="a")
        assert await logs.list_streams(scope=SCOPE, group="g") == ["b"]
        await logs.delete(scope=SCOPE, group="g")
        assert await logs.list_groups(scope=SCOPE) == ["h"]


async def test_drops_the_oldest_when_the_space_ends(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=1 << 20)
        for number in range(40):
            await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=[LogEvent(NOW + number, "x" * 100_000)])
        times = times_of(await logs.read(scope=SCOPE, group=GROUP, limit=100))
        assert times[-1] == 39
        assert times == list(range(times[0], 40))
        assert 5 <= len(times) <= 10


async def test_large_batches_and_large_events_arrive_whole(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        large = [LogEvent(NOW + number, f"{number}" * 3000) for number in range(1000)] + [LogEvent(NOW + 2000, "x" * 1_000_000)]
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=large)
        page = await logs.read(scope=SCOPE, group=GROUP, limit=2000)
        assert [(e.unix_ms, e.message) for e in page.events] == [(e.unix_ms, e.message) for e in large]


async def test_survives_a_killed_node_and_a_stopped_server(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(1))
        os.kill(server.pid, signal.SIGTERM)  # what the kernel sends when the node is killed
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        logs = await LogStore.open(connection, max_bytes=2 * SPACE)
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, limit=10)) == [1]


Batches = list[tuple[str, list[int]]]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.integers(0, 30), min_size=1, max_size=6).map(sorted)), max_size=25),
    limit=st.integers(1, 9),
)
def test_pages_hold_every_event_once_and_in_order(tmp_path_factory: pytest.TempPathFactory, batches: Batches, limit: int) -> None:
    async def scenario() -> None:
        directory = tmp_path_factory.mktemp("data")
        async with await EmbeddedServer.start(data_directory=directory) as server, await connect(server.url) as connection:
            logs = await LogStore.open(connection, max_bytes=SPACE)
            for stream, times in batches:
                await logs.append(scope=SCOPE, group=GROUP, stream=stream, entries=events(*times))
            found: list[tuple[int, str]] = []
            position, is_complete = None, False
            while not is_complete:
                page = await logs.read(scope=SCOPE, group=GROUP, limit=limit, position=position, lateness_ms=600_000)
                assert len(page.events) <= limit
                found += [(event.unix_ms - NOW, event.stream) for event in page.events]
                position, is_complete = page.position, page.is_complete
            in_order_of_arrival = [(ms, stream) for stream, times in batches for ms in times]
            assert found == sorted(in_order_of_arrival, key=lambda event: event[0])

    asyncio.run(scenario())


async def test_forgets_what_was_stored_before_an_instant(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(1))
        await logs.append(scope=SCOPE, group="other", stream="a", entries=events(1))
        first = (await logs.read(scope=SCOPE, group=GROUP, limit=10)).events[0]
        await asyncio.sleep(0.02)
        await logs.append(scope=SCOPE, group=GROUP, stream="b", entries=events(2))
        await logs.delete_before(scope=SCOPE, group=GROUP, before_ms=first.ingestion_ms)
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, limit=10)) == [1, 2]
        await logs.delete_before(scope=SCOPE, group=GROUP, before_ms=first.ingestion_ms + 10)
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, limit=10)) == [2]
        await logs.delete_before(scope=SCOPE, group=GROUP, before_ms=time.time_ns() // 1_000_000 + 5_000)
        assert times_of(await logs.read(scope=SCOPE, group=GROUP, limit=10)) == []
        assert times_of(await logs.read(scope=SCOPE, group="other", limit=10)) == [1]


async def test_reads_back_page_by_page(open_store: OpenStore) -> None:
    async with open_store() as connection:
        logs = await LogStore.open(connection, max_bytes=SPACE)
        times = [-400_000, -300_000, -300_000, -10, 5, 5, 6]
        for ms in times:
            await logs.append(scope=SCOPE, group=GROUP, stream="a", entries=events(ms))
        position, found = None, []
        for _ in range(9):
            page = await logs.read_back(
                scope=SCOPE, group=GROUP, stream="a", limit=2, position=position, lateness_ms=600_000, start_ms=NOW - 300_000
            )
            if not page.events:
                break
            found.append(times_of(page))
            position = page.start
        assert found == [[5, 6], [-10, 5], [-300_000, -300_000]]
        assert page.start == position
