"""Numbers of layer versions, and the directories of layers."""

import asyncio
from typing import Any

from alonzo.functions.layers.layers import NewLayerVersion
from alonzo.model.layer import LayerReference, LayerVersionReference
from alonzo.model.scope import Scope

SCOPE = Scope("111111111111", "us-east-1")
LAYER = LayerReference(SCOPE, "tools")


async def forget_nothing(reference: LayerVersionReference) -> None:
    del reference


async def publish(plane: Any, content: bytes) -> Any:
    return await plane.layers.publish(NewLayerVersion(layer=LAYER, content=content), caller=SCOPE, used_bytes=0)


def test_publishers_at_once_get_different_numbers(open_control_plane: Any, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, asyncio.TaskGroup() as publishers:
            tasks = [publishers.create_task(publish(plane, a_zip({"a": str(number)}))) for number in range(20)]
        assert sorted(task.result().reference.version for task in tasks) == list(range(1, 21))

    asyncio.run(scenario())


def test_numbers_are_not_given_twice_across_restarts(open_control_plane: Any, a_zip: Any) -> None:
    async def scenario() -> None:
        for number in range(1, 4):
            async with open_control_plane() as plane:
                published = await publish(plane, a_zip())
                assert published.reference.version == number
                await plane.layers.delete_version(published.reference, caller=SCOPE, forget=forget_nothing)
                assert plane.layers.find_version(published.reference) is None

    asyncio.run(scenario())


def test_layers_are_laid_over_each_other_once_for_each_combination(open_control_plane: Any, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            directories = plane.code_directories
            one, two = [(await directories.admit(a_zip({"a": text, text: text}))).sha256 for text in ("1", "2")]
            assert directories.find_layers([one, two]) is None
            async with asyncio.TaskGroup() as callers:
                tasks = [callers.create_task(directories.ensure_layers([one, two])) for _ in range(10)]
            assert len({task.result() for task in tasks}) == 1
            directory = directories.find_layers([one, two])
            assert (directory / "a").read_text() == "2"
            assert sorted(path.name for path in directory.iterdir()) == ["1", "2", "a"]
            assert (await directories.ensure_layers([two, one]) / "a").read_text() == "1"
            assert await directories.ensure_layers([one]) == directories.find(one)
            assert await directories.unzipped_bytes(one) == 2
        async with open_control_plane() as plane:
            assert plane.code_directories.find_layers([one, two]) == directory

    asyncio.run(scenario())


def test_after_a_restart_of_the_machine_layers_are_laid_anew(open_control_plane: Any, tmp_path: Any, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            packages = [(await plane.code_directories.admit(a_zip({"a": text}))).sha256 for text in ("1", "2")]
            for sha256, text in zip(packages, ("1", "2"), strict=True):
                assert await plane.blobs.get(sha256) == a_zip({"a": text})
            await plane.code_directories.ensure_layers(packages)
        (tmp_path / "code" / "boot-id").write_text("another boot")
        async with open_control_plane() as plane:
            assert plane.code_directories.find_layers(packages) is None
            assert (await plane.code_directories.ensure_layers(packages) / "a").read_text() == "2"

    asyncio.run(scenario())
