"""The disk is full for a while: clear errors, nothing accepted is lost, and everything goes on by itself when there is room again."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.conftest import StartServer
from tests.crash.event_storm import run_storm
from tests.crash.small_disk import CannotMount, SmallDisk, mounted_small_disk
from tests.support.event_sink import REPORTING, EventSink
from tests.support.queues import wait_for_queue
from tests.support.server import Server
from tests.support.toolchains import give_up
from tests.support.waiting import eventually


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Without root the test is skipped, but fails where CI should have it."""
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(mounted_small_disk(tmp_path))
        except CannotMount as reason:
            give_up(f"a small file system cannot be made and mounted here: {reason}")
        yield disk


def refusal(server: Server, name: str) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        server.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def test_a_full_disk_refuses_events_and_loses_none(start_server: StartServer, small_disk: SmallDisk) -> None:
    server = start_server("--async-retry-delays", "0.5,0.5", data_directory=small_disk.directory / "data")
    name = server.deploy("squeezed", REPORTING, Timeout=120)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with EventSink() as sink:
        sink.send(server, name, "first", gate="full")
        eventually(lambda: sink.reports, what="the first event's run")
        for number in range(20):
            sink.send(server, name, number, flaky=number == 3)
        small_disk.fill()
        assert refusal(server, name) == (500, "ServiceException", "the disk of the data directory is full")
        sink.open("full")
        eventually(lambda: 3 in sink.ids(), what="the run of an event that is to be set back", within_seconds=60)
        assert refusal(server, name)[:2] == (500, "ServiceException")
        small_disk.make_room()
        queue = wait_for_queue(server, name, depth=0, within_seconds=90)
        assert queue["delivered"] == 21
        assert {*sink.ids()} == {"first", *range(20)}
        sink.send(server, name, "after")
        eventually(lambda: "after" in sink.ids(), what="the run of an event that was accepted later", within_seconds=60)


def test_every_accepted_event_runs_though_the_disk_is_full_again_and_again(small_disk: SmallDisk) -> None:
    kinds = ("disk", "store", "disk", "node")
    report = run_storm(data_directory=small_disk.directory / "data", event_count=300, kill_count=4, seed=2, kinds=kinds, disk=small_disk)
    print(report)
    assert report.accepted_count == 300
    assert not report.lost_ids
    assert report.refusals["ServiceException: the disk of the data directory is full"] > 0, report.refusals
