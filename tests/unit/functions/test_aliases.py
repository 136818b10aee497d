"""Aliases beside changes that come at the same time; what they answer is in tests/parity/test_aliases.py."""

import asyncio
from typing import Any

import pytest

from alonzo.functions.aliases import AliasChange, AliasExists, VersionInUse
from alonzo.functions.configuration import ConfigurationChange
from alonzo.functions.errors import FunctionNotFound, RevisionMismatch
from alonzo.functions.resolution import Resolution
from alonzo.model.function import LATEST, CapacityProviderConfig
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope

SCOPE = Scope("111111111111", "us-east-1")
F, ONE, LIVE = (FunctionReference(SCOPE, "f", qualifier) for qualifier in (None, "1", "live"))
NOTHING = AliasChange()


def test_an_alias_and_the_deletion_of_its_version_at_once(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            for deletion_first in (True, False):
                await plane.create(publish=True)
                work = [plane.deletion.delete(ONE), plane.aliases.create(LIVE, version="1", change=NOTHING)]
                outcomes = await _at_once(*(work if deletion_first else reversed(work)))
                refused = {type(outcome) for outcome in outcomes if isinstance(outcome, Exception)}
                assert refused == {FunctionNotFound if deletion_first else VersionInUse}
                await plane.deletion.delete(F)

    asyncio.run(scenario())


def test_an_alias_and_the_deletion_of_its_function_at_once(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            for _ in range(5):
                await plane.create(publish=True)
                aliases = [plane.aliases.create(FunctionReference(SCOPE, "f", f"a{n}"), version="1", change=NOTHING) for n in range(4)]
                await _at_once(*aliases[:2], plane.deletion.delete(F), *aliases[2:])
                await plane.create()
                assert list(plane.aliases.list_aliases(F)) == []
                await plane.deletion.delete(F)

    asyncio.run(scenario())


def test_an_alias_is_made_once_and_stale_revisions_are_refused(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane:
            await plane.create(publish=True)
            outcomes = await _at_once(*(plane.aliases.create(LIVE, version="1", change=NOTHING) for _ in range(4)))
            assert sum(isinstance(outcome, AliasExists) for outcome in outcomes) == 3
            revision_id = plane.aliases.get(LIVE).revision_id
            changes = (plane.aliases.update(LIVE, AliasChange(description=str(n), revision_id=revision_id)) for n in range(4))
            outcomes = await _at_once(*changes)
            assert sum(isinstance(outcome, RevisionMismatch) for outcome in outcomes) == 3

    asyncio.run(scenario())


@pytest.mark.parametrize(("lot", "invoked"), [(0.0, "2"), (0.19, "2"), (0.2, "1"), (0.99, "1")])
def test_the_lot_decides_which_version_is_invoked(open_control_plane: Any, lot: float, invoked: str) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            await plane.create_active(publish=True)
            await plane.functions.update_configuration(F, ConfigurationChange(timeout_seconds=9))
            await plane.settled()
            assert (await plane.functions.publish(F)).version == "2"
            resolution = Resolution(functions=plane.functions, aliases=plane.aliases, random=lambda: lot)
            await plane.aliases.create(LIVE, version="1", change=AliasChange(shares={"2": 0.2}))
            assert resolution.get_invoked(LIVE).version == invoked
            assert resolution.get_version(LIVE).version == "1"

    asyncio.run(scenario())


def test_a_function_on_a_capacity_provider_runs_what_was_published_last(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as plane, plane.activating():
            resolution = Resolution(functions=plane.functions, aliases=plane.aliases, random=lambda: 0.0)
            arn = "arn:aws:lambda:us-east-1:111111111111:capacity-provider:p"
            on_provider = {
                "runtime": "python3.13",
                "memory_mib": 2_048,
                "capacity_provider": CapacityProviderConfig(capacity_provider_arn=arn),
            }
            await plane.create_active(**on_provider)
            with pytest.raises(FunctionNotFound, match=r"f:\$LATEST\.PUBLISHED$"):
                resolution.get_invoked(F)
            published = await plane.functions.publish(F, to_latest_published=True)
            assert resolution.get_invoked(F) == published
            assert resolution.get_version(F).version == LATEST
            assert resolution.get_invoked(FunctionReference(SCOPE, "f", LATEST)).version == LATEST

    asyncio.run(scenario())


async def _at_once(*work: Any) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_outcome_of(one)) for one in work]
    return [task.result() for task in tasks]


async def _outcome_of(work: Any) -> Any:
    try:
        return await work
    except (FunctionNotFound, VersionInUse, AliasExists, RevisionMismatch) as refusal:
        return refusal
