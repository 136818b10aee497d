"""Tags where changes meet: the records of functions, and whose tags an ARN is about."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from alonzo.functions.configuration import ConfigurationChange
from alonzo.functions.errors import FunctionNotFound, InvalidParameter
from alonzo.functions.tags import FunctionTags, TagChange, TaggedResourceNotFound, TaggedResources, TagLimitExceeded
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope

SCOPE = Scope("111111111111", "us-east-1")
FUNCTION = FunctionReference(SCOPE, "f")
MAPPING_ARN = "arn:aws:lambda:us-east-1:111111111111:event-source-mapping:11111111-2222-4333-8444-555555555555"


class MemoryMappings:
    """The tags of one event source mapping."""

    def __init__(self) -> None:
        self.tags: Mapping[str, str] = {"a": "1"}

    def find_tags(self, arn: str, caller: Scope) -> Mapping[str, str] | None:
        del caller
        return self.tags if arn == MAPPING_ARN else None

    async def change_tags(self, arn: str, caller: Scope, change: TagChange) -> bool:
        del caller
        if arn != MAPPING_ARN:
            return False
        self.tags = change(self.tags)
        return True


def test_each_kind_keeps_its_tags() -> None:
    async def scenario() -> None:
        mappings = MemoryMappings()
        resources = TaggedResources({"event-source-mapping": mappings})
        await resources.add(MAPPING_ARN, SCOPE, {"a": "2", "b": "3"})
        await resources.remove(MAPPING_ARN, SCOPE, ["b", "c"])
        assert resources.get(MAPPING_ARN, SCOPE) == mappings.tags == {"a": "2"}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("arn", "called"),
    [
        (MAPPING_ARN[:-1] + "6", "Event source mapping"),
        (MAPPING_ARN.replace("us-east-1", "eu-west-1"), "Event source mapping"),
        (MAPPING_ARN.replace("111111111111", "222222222222"), "Event source mapping"),
        ("arn:aws:lambda:us-east-1:111111111111:network-connector:n", "Network connector"),
    ],
)
def test_what_is_not_there_is_called_by_its_kind(arn: str, called: str) -> None:
    async def scenario() -> None:
        resources = TaggedResources({"event-source-mapping": MemoryMappings()})
        with pytest.raises(TaggedResourceNotFound, match=f"^{called} not found: {arn}$"):
            resources.get(arn, SCOPE)
        with pytest.raises(TaggedResourceNotFound):
            await resources.add(arn, SCOPE, {"a": "b"})
        with pytest.raises(TaggedResourceNotFound):
            await resources.remove(arn, SCOPE, ["a"])

    asyncio.run(scenario())


def test_exactly_the_tags_that_are_set(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as control:
            created = await control.create()
            tags = FunctionTags(control.records)
            await tags.set_tags(FUNCTION, {"a": "1", "b": "2"})
            await tags.set_tags(FUNCTION, {"c": "3"})
            latest = control.functions.get_version(FUNCTION)
            assert latest.tags == {"c": "3"}
            assert latest.revision_id != created.revision_id
            assert latest.last_modified_unix_ms == created.last_modified_unix_ms
            await tags.set_tags(FUNCTION, {"c": "3"})
            assert control.functions.get_version(FUNCTION).revision_id == latest.revision_id

            with pytest.raises(TagLimitExceeded):
                await tags.set_tags(FUNCTION, {str(number): "" for number in range(51)})
            with pytest.raises(InvalidParameter):
                await tags.set_tags(FUNCTION, {"Aws:mine": ""})
            with pytest.raises(FunctionNotFound):
                await tags.set_tags(FunctionReference(SCOPE, "other"), {})

    asyncio.run(scenario())


def test_tags_that_are_given_at_once_are_all_there(open_control_plane: Any) -> None:
    async def scenario() -> None:
        async with open_control_plane() as control, control.activating():
            await control.create()
            resources = TaggedResources({"function": FunctionTags(control.records)})
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(resources.add(FUNCTION.arn, SCOPE, {str(number): ""}))
            assert set((await control.settled()).tags) == set(map(str, range(20)))

    asyncio.run(scenario())


def test_an_update_that_fails_leaves_the_tags(open_control_plane: Any) -> None:
    async def scenario() -> None:
        may_fail = asyncio.Event()

        async def fail_later(version: Any) -> None:
            if version.description == "other":
                await may_fail.wait()
                raise InvalidParameter("no")

        async with open_control_plane() as control, control.activating(fail_later):
            await control.create_active()
            await control.functions.update_configuration(FUNCTION, ConfigurationChange(description="other"))
            await FunctionTags(control.records).set_tags(FUNCTION, {"a": "1"})
            may_fail.set()
            settled = await control.settled()
            assert (settled.description, settled.tags) == ("", {"a": "1"})

    asyncio.run(scenario())
