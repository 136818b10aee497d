"""Code that nobody has goes after a while; what somebody has, runs or is about to publish stays."""

import asyncio
from typing import Any

from alonzo.functions.code.keeping import UNUSED_SECONDS
from alonzo.functions.layers.layers import NewLayerVersion
from alonzo.functions.registry import CodeUpdate
from alonzo.model.layer import LayerReference, LayerVersionReference
from alonzo.model.names import FunctionReference

from .conftest import SCOPE


async def sweep_after_a_while(plane: Any, keeping: Any) -> int:
    for _ in range(2):  # at the first look, everything has been asked for a moment ago
        await keeping.sweep(blob_unused_seconds=0)
    plane.clock.advance(UNUSED_SECONDS)
    count: int = await keeping.sweep(blob_unused_seconds=0)
    return count


def test_replaced_code_goes_and_that_of_versions_stays(open_control_plane: Any, a_zip: Any, tmp_path: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            keeping, reference = plane.keeping, FunctionReference(SCOPE, "f")
            published = (await plane.create_active(publish=True)).code.sha256
            codes = [published]
            for text in ("2", "3"):
                await plane.functions.update_code(CodeUpdate(reference=reference, code=a_zip({"index.py": text})))
                codes.append((await plane.settled()).code.sha256)
            assert await sweep_after_a_while(plane, keeping) == 1
            assert await plane.blobs.list_names() == {codes[0], codes[2]} == plane.code_directories.names()
            assert sorted(path.name for path in (tmp_path / "code").iterdir()) == sorted(["boot-id", codes[0], codes[2]])
            await plane.deletion.delete(reference)
            assert await keeping.sweep(blob_unused_seconds=0) == 0
            plane.clock.advance(UNUSED_SECONDS - 1)
            assert await keeping.sweep(blob_unused_seconds=0) == 0
            plane.clock.advance(1)
            assert await keeping.sweep(blob_unused_seconds=0) == 2
            assert await plane.blobs.list_names() == set()

    asyncio.run(scenario())


def test_a_deleted_layer_stays_as_long_as_a_function_has_it(open_control_plane: Any, a_zip: Any) -> None:
    async def forget_nothing(reference: LayerVersionReference) -> None:
        del reference

    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            layers = []
            for name in ("one", "two"):
                layer = NewLayerVersion(layer=LayerReference(SCOPE, name), content=a_zip({name: name}))
                layers.append((await plane.layers.publish(layer, caller=SCOPE, used_bytes=0)).reference)
            version = await plane.create_active(layers=tuple(layer.arn for layer in layers))
            together = await plane.code_directories.ensure_layers(version.layer_packages)
            for layer in layers:
                await plane.layers.delete_version(layer, caller=SCOPE, forget=forget_nothing)
            keeping = plane.keeping
            assert await sweep_after_a_while(plane, keeping) == 0
            assert (together / "one").exists()
            await plane.deletion.delete(FunctionReference(SCOPE, "f"))
            assert await sweep_after_a_while(plane, keeping) == 4
            assert not together.exists()

    asyncio.run(scenario())


def test_what_is_put_again_or_asked_for_meanwhile_stays(open_control_plane: Any, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            directories, keeping = plane.code_directories, plane.keeping
            put, asked_for = [(await directories.admit(a_zip({"a": text}))).sha256 for text in "12"]
            await keeping.sweep()
            await keeping.sweep()
            plane.clock.advance(UNUSED_SECONDS)
            assert directories.find(asked_for) is not None
            assert await keeping.sweep() == 0  # the store has seen the other one put a moment ago
            assert await plane.blobs.list_names() == {put, asked_for} == directories.names()

    asyncio.run(scenario())
