"""The disk is full for a while: clear errors, nothing accepted is lost, and everything goes on by itself when there is room again."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.conftest import StartServer
from tests.support.event_sink import REPORTING, EventSink
from tests.support.queues import wait_for_queue
from tests.support.server import Server
from tests.support.waiting import eventually

_DISK_BYTES = 320 * 1024 * 1024
_LEFT_BYTES = 32 * 1024 * 1024  # less than the store's reserve


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which needs root; without, the test is skipped, but fails where CI should have it."""
    image, directory = tmp_path / "disk.img", tmp_path / "disk"
    directory.mkdir()
    with image.open("wb") as file:
        file.truncate(_DISK_BYTES)
    mkfs = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    made = mkfs is not None and subprocess.run([mkfs, "-q", "-F", str(image)], check=False).returncode == 0
    if not made or subprocess.run(["mount", "-o", "loop", str(image), str(directory)], check=False).returncode != 0:
        if os.environ.get("CI"):
            pytest.fail("CI cannot mount a file system")
        pytest.skip("a small file system cannot be made and mounted here")
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(directory: Path) -> Path:
    filler, disk = directory / "filler", os.statvfs(directory)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - _LEFT_BYTES)
    return filler


def refusal(server: Server, name: str) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        server.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def test_a_full_disk_refuses_events_and_loses_none(start_server: StartServer, small_disk: Path) -> None:
    server = start_server("--async-retry-delays", "0.5,0.5", data_directory=small_disk / "data")
    name = server.deploy("squeezed", REPORTING, Timeout=120)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with EventSink() as sink:
        sink.send(server, name, "first", gate="full")
        eventually(lambda: sink.reports, what="the first event's run")
        for number in range(20):
            sink.send(server, name, number, flaky=number == 3)
        filler = fill(small_disk)
        assert refusal(server, name) == (500, "ServiceException", "the disk of the data directory is full")
        sink.open("full")
        eventually(lambda: 3 in sink.ids(), what="the run of an event that is to be set back", within_seconds=60)
        assert refusal(server, name)[:2] == (500, "ServiceException")
        filler.unlink()
        queue = wait_for_queue(server, name, depth=0, within_seconds=90)
        assert queue["delivered"] == 21
        assert {*sink.ids()} == {"first", *range(20)}
        sink.send(server, name, "after")
        eventually(lambda: "after" in sink.ids(), what="the run of an event that was accepted later", within_seconds=60)
