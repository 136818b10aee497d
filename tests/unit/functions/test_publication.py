"""What a kill leaves of a publication is finished."""

import asyncio
from typing import Any

import msgspec
import pytest

from alonzo.functions.configuration import ConfigurationChange
from alonzo.functions.errors import ActivationFailed
from alonzo.functions.publication import finish_publication, publishing
from alonzo.functions.registry import CodeUpdate
from alonzo.model.function import LATEST, LATEST_PUBLISHED, FunctionVersion, State
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope

SCOPE = Scope("111111111111", "us-east-1")
F = FunctionReference(SCOPE, "f")
KEY = (SCOPE.account_id, SCOPE.region, "f", LATEST)


async def _begin(plane: Any, *, to_latest_published: bool = False) -> FunctionVersion:
    """As far as a publication has got when the node is killed after its first write."""
    record = plane.records.get_versioned(KEY)
    latest = publishing(record.value, to_latest_published=to_latest_published, description="begun")
    await plane.records.update(KEY, latest, revision=record.revision)
    assert latest.publishing is not None
    return latest.publishing


@pytest.mark.parametrize("to_latest_published", [False, True])
def test_a_version_whose_record_is_missing_is_there_after_a_restart(open_control_plane: Any, to_latest_published: bool) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            await plane.create_active()
            begun = await _begin(plane, to_latest_published=to_latest_published)
        async with open_control_plane() as plane:
            assert plane.functions.find_version(SCOPE, "f", LATEST_PUBLISHED if to_latest_published else "1") == begun
            assert plane.records.find(KEY).publishing is None

    asyncio.run(scenario())


def test_a_version_that_has_its_record_already_stays_as_it_is(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            await plane.create_active()
            begun = await _begin(plane)
            written = msgspec.structs.replace(begun, revision_id="written")
            await plane.records.create((*KEY[:3], "1"), written)
        async with open_control_plane() as plane:
            assert plane.functions.find_version(SCOPE, "f", "1") == written
            assert plane.records.find(KEY).publishing is None

    asyncio.run(scenario())


@pytest.mark.parametrize("change", ["publish", "update_configuration", "delete_version"])
def test_the_next_change_finishes_it_too(open_control_plane: Any, change: str) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            await plane.create_active()
            await _begin(plane)
            if change == "publish":
                assert (await plane.functions.publish(F)).version == "1"
            elif change == "update_configuration":
                await plane.functions.update_configuration(F, ConfigurationChange(timeout_seconds=9))
            else:
                await plane.deletion.delete(FunctionReference(SCOPE, "f", "1"))
            assert plane.records.find(KEY).publishing is None
            assert (plane.functions.find_version(SCOPE, "f", "1") is None) == (change == "delete_version")

    asyncio.run(scenario())


def test_many_finish_it_at_once_and_once(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            await plane.create_active()
            for to_latest_published in (False, True):
                begun = await _begin(plane, to_latest_published=to_latest_published)
                async with asyncio.TaskGroup() as finishers:
                    for _ in range(5):
                        finishers.create_task(finish_publication(plane.records, KEY))
                assert plane.functions.find_version(SCOPE, "f", begun.version) == begun
                assert plane.records.find(KEY).publishing is None

    asyncio.run(scenario())


def test_of_publications_at_once_each_gets_a_number_of_its_own_or_the_same_version(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            await plane.create_active()
            async with asyncio.TaskGroup() as publishers:
                tasks = [publishers.create_task(plane.functions.publish(F, description=str(number))) for number in range(5)]
            assert {task.result().version for task in tasks} == {"1"}
            assert len({task.result().description for task in tasks}) == 1

    asyncio.run(scenario())


def test_the_version_of_an_update_that_fails_is_a_version_that_failed(open_control_plane: Any, a_zip: Any) -> None:
    async def fail(version: FunctionVersion) -> None:
        raise ActivationFailed("no such runtime", reason_code="InvalidRuntime")

    async def scenario() -> None:
        async with open_control_plane() as plane:
            async with plane.activating():
                await plane.create_active()
            async with plane.activating(fail):
                update = CodeUpdate(reference=F, code=a_zip({"index.py": "A = 2"}), publish=True)
                published = await plane.functions.update_code(update)
                assert published.runnable is published
                latest = await plane.settled()
                version = plane.functions.get_version(FunctionReference(SCOPE, "f", "1"))
            assert (version.version, version.state, version.code) == ("1", State.FAILED, published.code)
            assert (latest.state, latest.published_count) == (State.ACTIVE, 1)
            assert latest.code != published.code

    asyncio.run(scenario())
