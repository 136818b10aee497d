import asyncio
from typing import Any

import pytest

from alonzo.functions.configuration import ConfigurationChange
from alonzo.functions.errors import (
    CodeMismatch,
    FunctionExists,
    FunctionNotFound,
    FunctionPending,
    InvalidParameter,
    PackageUnreadable,
    RevisionMismatch,
    UpdateInProgress,
)
from alonzo.functions.registry import CodeUpdate
from alonzo.model.function import LATEST, FunctionVersion, LastUpdateStatus, State
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope

SCOPE = Scope("111111111111", "us-east-1")
F = FunctionReference(SCOPE, "f")


def test_a_new_function_is_pending_and_then_active(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            created = await plane.create()
            assert (created.state, created.last_update_status) == (State.PENDING, None)
            assert plane.functions.find_version(SCOPE, "f", None) == created
            async with plane.activating():
                latest = await plane.settled()
            assert (latest.state, latest.last_update_status) == (State.ACTIVE, LastUpdateStatus.SUCCESSFUL)
            assert latest.revision_id != created.revision_id
            assert plane.functions.find_version(SCOPE, "f", LATEST) == latest

    asyncio.run(scenario())


def test_what_waits_is_activated_after_a_restart(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            await plane.create(publish=True)
        async with open_control_plane() as plane, plane.activating():
            await plane.settled()
            assert [version.state for version in plane.functions.iter_versions(SCOPE)] == [State.ACTIVE, State.ACTIVE]

    asyncio.run(scenario())


def test_a_function_is_one_of_its_account_and_region(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            await plane.create()
            for scope in (Scope("222222222222", "us-east-1"), Scope("111111111111", "eu-west-1")):
                assert plane.functions.find_version(scope, "f", None) is None
                assert list(plane.functions.iter_functions(scope)) == []
                assert plane.functions.account_usage(scope).function_count == 0

    asyncio.run(scenario())


def test_a_name_is_given_once(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            async with asyncio.TaskGroup() as creations:
                tasks = [creations.create_task(_outcome_of(plane.create(code=None))) for _ in range(5)]
            outcomes = [task.result() for task in tasks]
            assert outcomes.count(FunctionExists) == 4
            with pytest.raises(FunctionExists, match="Function already exist: f"):
                await plane.create()

    asyncio.run(scenario())


def test_refused_code_creates_no_function(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            with pytest.raises(PackageUnreadable):
                await plane.create(code=b"no zip")
            assert list(plane.functions.iter_functions(SCOPE)) == []

    asyncio.run(scenario())


def test_of_two_updates_at_once_one_is_told_to_wait(open_control_plane: Any, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            async with plane.activating():
                await plane.create_active()
            async with asyncio.TaskGroup() as updates:
                tasks = [
                    updates.create_task(
                        _outcome_of(plane.functions.update_code(CodeUpdate(reference=F, code=a_zip({"index.py": f"A = {number}"}))))
                    )
                    for number in range(4)
                ]
            outcomes = [task.result() for task in tasks]
            assert outcomes.count(UpdateInProgress) == 3

    asyncio.run(scenario())


def test_a_pending_function_cannot_be_changed(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            created = await plane.create()
            with pytest.raises(FunctionPending):
                await plane.functions.update_configuration(F, ConfigurationChange(timeout_seconds=9))
            with pytest.raises(RevisionMismatch):
                await plane.functions.update_configuration(F, ConfigurationChange(), revision_id="stale")
            assert plane.functions.find_version(SCOPE, "f", None) == created

    asyncio.run(scenario())


def test_a_dry_run_changes_nothing(open_control_plane: Any, a_zip: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            before = await plane.create_active()
            update = CodeUpdate(reference=F, code=a_zip({"index.py": "A = 2"}), dry_run=True, publish=True)
            answer = await plane.functions.update_code(update)
            assert answer.code != before.code
            assert list(plane.functions.iter_versions(SCOPE)) == [before]
            assert plane.code_directories.find(answer.code.sha256) is None
            with pytest.raises(PackageUnreadable):
                await plane.functions.update_code(CodeUpdate(reference=F, code=b"no zip", dry_run=True))

    asyncio.run(scenario())


def test_versions_are_numbered_and_numbers_are_not_given_twice(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            latest = await plane.create_active()
            first = await plane.functions.publish(F, description="one", code_sha256_base64=latest.code.sha256_base64)
            assert (first.version, first.description, first.state) == ("1", "one", State.ACTIVE)
            assert await plane.functions.publish(F) == first
            for number in range(2, 12):
                await plane.functions.update_configuration(F, ConfigurationChange(timeout_seconds=number))
                await plane.settled()
                assert (await plane.functions.publish(F)).version == str(number)
            await plane.deletion.delete(FunctionReference(SCOPE, "f", "11"))
            assert (await plane.functions.publish(F)).version == "12"
            numbers = [version.version for version in plane.functions.iter_versions(SCOPE, "f")]
            assert numbers == [LATEST, *map(str, range(1, 11)), "12"]
            with pytest.raises(CodeMismatch):
                await plane.functions.publish(F, code_sha256_base64="other")
            with pytest.raises(RevisionMismatch):
                await plane.functions.publish(F, revision_id="other")

    asyncio.run(scenario())


def test_a_version_keeps_what_it_was_published_with(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            await plane.create_active()
            published = await plane.functions.publish(F)
            await plane.functions.update_configuration(F, ConfigurationChange(memory_mib=512))
            latest = await plane.settled()
            version = plane.functions.get_version(FunctionReference(SCOPE, "f", "1"))
            assert (version.memory_mib, latest.memory_mib) == (128, 512)
            assert version == published

    asyncio.run(scenario())


def test_deleting_a_function_deletes_its_versions(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            await plane.create("other")
            await plane.create_active(publish=True)
            deleted: list[str] = []
            plane.functions.subscribe(lambda key, version: deleted.append(key[-1]) if version is None else None)
            await plane.deletion.delete(F)
            assert deleted == ["1", LATEST]
            assert [version.name for version in plane.functions.iter_versions(SCOPE)] == ["other"]
            with pytest.raises(FunctionNotFound):
                await plane.deletion.delete(F)
            created = await plane.create(publish=True)
            assert created.version == "1"

    asyncio.run(scenario())


@pytest.mark.parametrize(("qualifier", "fact"), [(LATEST, InvalidParameter), ("live", InvalidParameter), ("$latest", FunctionNotFound)])
def test_what_cannot_be_deleted(open_control_plane: Any, qualifier: str, fact: type[Exception]) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            await plane.create()
            with pytest.raises(fact):
                await plane.deletion.delete(FunctionReference(SCOPE, "f", qualifier))
            assert plane.functions.find_version(SCOPE, "f", None) is not None

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "configuration",
    [
        {"runtime": None},
        {"handler": None},
        {"runtime": "python3.7"},
        {"runtime": "python2.99"},
        {"memory_mib": 10_241},
        {"environment_variables": {"AWS_REGION": "us-east-1"}},
        {"environment_variables": {"A": "é" * 2045}},
        {"layers": ("arn:aws:lambda:us-east-1:111111111111:layer:l:1",)},
        {"runtime": "nodejs22.x", "snap_start_apply_on": "PublishedVersions"},
        {"runtime": "python3.11", "snap_start_apply_on": "PublishedVersions"},
    ],
)
def test_configurations_that_cannot_be(open_control_plane: Any, configuration: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            with pytest.raises(InvalidParameter):
                await plane.create(**configuration)

    asyncio.run(scenario())


def test_cleared_parts_of_a_configuration(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            await plane.create_active(dead_letter_target_arn="arn:aws:sqs:us-east-1:111111111111:q", environment_variables={"A": "1"})
            change = ConfigurationChange(dead_letter_target_arn="", environment_variables={}, description="")
            changed = await plane.functions.update_configuration(F, change)
            assert changed.dead_letter_target_arn is None
            assert changed.environment_variables == {}
            assert changed.handler == "index.handler"

    asyncio.run(scenario())


def test_references_to_other_forms_find_the_same_record(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            created = await plane.create(publish=True)
            assert plane.functions.get_version(FunctionReference(SCOPE, "f", "1")) == created
            with pytest.raises(FunctionNotFound, match="function:f:live"):
                plane.functions.get_version(FunctionReference(SCOPE, "f", "live"))

    asyncio.run(scenario())


async def _outcome_of(operation: Any) -> Any:
    try:
        outcome: FunctionVersion = await operation
    except (FunctionExists, UpdateInProgress) as error:
        return type(error)
    return outcome
