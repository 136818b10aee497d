import asyncio
import os
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alonzo.functions.code import directories as module
from alonzo.functions.code.directories import CodeDirectories
from alonzo.functions.errors import NoRoomForCode, PackageUnreadable
from alonzo.model import quotas
from alonzo.store.errors import BlobNotFound


def test_admitted_code_is_a_directory_and_a_blob(open_control_plane: Any, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            content = a_zip({"index.py": "A = 1\n"})
            package = await plane.code_directories.admit(content)
            directory = plane.code_directories.find(package.sha256)
            assert directory is not None
            assert (directory / "index.py").read_text() == "A = 1\n"
            assert stat.S_IMODE(directory.stat().st_mode) == 0o755
            assert package.size_bytes == len(content)
            assert await plane.blobs.get(package.sha256) == content
            assert await plane.code_directories.ensure(package.sha256) == directory

    asyncio.run(scenario())


@pytest.mark.parametrize("content", [b"no zip", bytes(quotas.CODE_ZIPPED_IN_REQUEST_MAX_BYTES)])
def test_refused_code_leaves_nothing(open_control_plane: Any, tmp_path: Path, content: bytes) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            with pytest.raises(PackageUnreadable):
                await plane.code_directories.admit(content)
            assert [path.name for path in (tmp_path / "code").iterdir()] == ["boot-id"]

    asyncio.run(scenario())


def test_directories_outlive_a_restart_and_leftovers_do_not(open_control_plane: Any, tmp_path: Path, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            package = await plane.code_directories.admit(a_zip())
        leftover = tmp_path / "code" / ".unpacking-0123"
        leftover.mkdir()
        (leftover / "half").write_text("x")
        async with open_control_plane() as plane:
            assert plane.code_directories.find(package.sha256) is not None
            assert not leftover.exists()

    asyncio.run(scenario())


def test_after_a_restart_of_the_machine_code_is_unpacked_anew(open_control_plane: Any, tmp_path: Path, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            package = await plane.code_directories.admit(a_zip())
        (tmp_path / "code" / "boot-id").write_text("another boot")
        (tmp_path / "code" / package.sha256 / "index.py").write_text("")  # as a lost write leaves it
        async with open_control_plane() as plane:
            assert plane.code_directories.find(package.sha256) is None
            directory = await plane.code_directories.ensure(package.sha256)
            assert (directory / "index.py").read_text() != ""

    asyncio.run(scenario())


def test_callers_at_the_same_time_share_one_unpacking(open_control_plane: Any, tmp_path: Path, a_zip: Any, monkeypatch: Any) -> None:
    unpacked: list[Path] = []

    def counting(content: bytes, directory: Path) -> None:
        unpacked.append(directory)

    async def scenario() -> None:
        async with open_control_plane() as plane:
            sha256 = await plane.blobs.put(a_zip())
            monkeypatch.setattr(module, "unpack", counting)
            async with asyncio.TaskGroup() as callers:
                tasks = [callers.create_task(plane.code_directories.ensure(sha256)) for _ in range(20)]
            assert {task.result() for task in tasks} == {tmp_path / "code" / sha256}
            assert len(unpacked) == 1

    asyncio.run(scenario())


def test_code_that_nobody_has(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            with pytest.raises(BlobNotFound):
                await plane.code_directories.ensure("0" * 64)

    asyncio.run(scenario())


def test_a_full_disk_leaves_nothing(open_control_plane: Any, tmp_path: Path, a_zip: Any, monkeypatch: Any) -> None:
    def full(content: bytes, directory: Path, **_: object) -> None:
        (directory / "half").write_text("x")
        raise OSError(28, os.strerror(28))

    async def scenario() -> None:
        async with open_control_plane() as plane:
            monkeypatch.setattr(module, "unpack", full)
            with pytest.raises(NoRoomForCode):
                await plane.code_directories.admit(a_zip())
            assert [path.name for path in (tmp_path / "code").iterdir()] == ["boot-id"]

    asyncio.run(scenario())


def test_who_unpacks_second_after_a_cancelled_caller_finds_the_directory(open_control_plane: Any, tmp_path: Path, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            sha256 = await plane.blobs.put(a_zip())
            module._make_in_place(partial(module.unpack, a_zip()), tmp_path / "code" / sha256)  # the thread of a cancelled caller
            directory = await plane.code_directories.ensure(sha256)
            assert (directory / "index.py").exists()
            assert sorted(path.name for path in (tmp_path / "code").iterdir()) == sorted(["boot-id", sha256])

    asyncio.run(scenario())


def test_the_root_is_made(tmp_path: Path, open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            root = tmp_path / "deep" / "code"
            await CodeDirectories.open(root=root, blobs=plane.blobs)
            assert root.is_dir()

    asyncio.run(scenario())
