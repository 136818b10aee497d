"""The states of mappings over a real store; what the operations answer is in tests/parity/test_event_source_mappings.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.client.endpoints import AwsEndpoints
from alonzo.clock import ManualClock
from alonzo.event_sources.errors import MappingExists, MappingInUse, MappingNotFound
from alonzo.event_sources.filter_sealing import FilterSealing
from alonzo.event_sources.mappings import EventSourceMappings, MappingChange, NewMapping
from alonzo.event_sources.states import ALLOWED
from alonzo.event_sources.transitions import MappingTransitions
from alonzo.model.event_source_mapping import EventSourceMapping, MappingSettings, MappingState
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.store.connection import connect
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer

SCOPE = Scope("111111111111", "us-east-1")
NEW = NewMapping(
    function=FunctionReference(SCOPE, "f"), event_source_arn="arn:aws:sqs:us-east-1:111111111111:queue", settings=MappingSettings()
)
NOTHING = MappingChange(settings=MappingSettings())


class Plane:
    """Mappings, and what moves them only while it is asked to."""

    def __init__(self, records: RecordTable[EventSourceMapping]) -> None:
        self.records = records
        sealing = FilterSealing(AwsClients(endpoints=AwsEndpoints()))
        self.mappings = EventSourceMappings(records=records, function_exists=lambda reference: True, sealing=sealing, clock=ManualClock())

    async def settled(self) -> None:
        transitions = MappingTransitions(records=self.records, is_polled=lambda _: False, clock=ManualClock())
        is_settled = asyncio.Event()

        def look(*_: object) -> None:
            if all(mapping.state in (MappingState.ENABLED, MappingState.DISABLED) for _, mapping in self.records.iter_prefix(())):
                is_settled.set()

        unsubscribe = self.records.subscribe(look)
        component = asyncio.create_task(transitions.run())
        try:
            look()
            await is_settled.wait()
        finally:
            component.cancel()
            unsubscribe()


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Plane]:
    async with await EmbeddedServer.start(data_directory=directory) as nats, await connect(nats.url) as connection:
        yield Plane(await RecordTable.open(connection, name="event-source-mappings", record_type=EventSourceMapping))


def test_what_moves_when_a_node_ends_goes_on_at_its_next_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as plane:
            uuid = (await plane.mappings.create(NEW)).uuid
        async with opened(tmp_path) as plane:
            assert plane.mappings.get(SCOPE, uuid).state is MappingState.CREATING
            await plane.settled()
            assert plane.mappings.get(SCOPE, uuid).state is MappingState.ENABLED
            await plane.mappings.delete(SCOPE, uuid)
        async with opened(tmp_path) as plane:
            await plane.settled()
            with pytest.raises(MappingNotFound):
                plane.mappings.get(SCOPE, uuid)

    asyncio.run(scenario())


def test_a_mapping_that_moves_is_neither_changed_nor_deleted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as plane:
            uuid = (await plane.mappings.create(NEW)).uuid
            with pytest.raises(MappingInUse, match="Cannot update the event source mapping because it is in use"):
                await plane.mappings.update(SCOPE, uuid, NOTHING)
            with pytest.raises(MappingInUse, match="Cannot delete the event source mapping because it is in use"):
                await plane.mappings.delete(SCOPE, uuid)

    asyncio.run(scenario())


def test_of_two_changes_at_once_one_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as plane:
            uuid = (await plane.mappings.create(NEW)).uuid
            await plane.settled()
            changes = [plane.mappings.update(SCOPE, uuid, NOTHING), plane.mappings.delete(SCOPE, uuid)]
            outcomes = await asyncio.gather(*changes, return_exceptions=True)
            assert sum(isinstance(outcome, MappingInUse) for outcome in outcomes) == 1

    asyncio.run(scenario())


def test_of_two_alike_at_once_one_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as plane:
            outcomes = await asyncio.gather(*(plane.mappings.create(NEW) for _ in range(3)), return_exceptions=True)
            assert sum(isinstance(outcome, MappingExists) for outcome in outcomes) == 2

    asyncio.run(scenario())


def test_every_state_leads_somewhere_but_the_last() -> None:
    assert ALLOWED.keys() == set(MappingState)
    assert {state for state, following in ALLOWED.items() if not following} == {MappingState.DELETING}
