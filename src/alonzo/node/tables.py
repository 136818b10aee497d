"""All tables of records that the Lambda API and the Logs API keep, opened at the same time."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import msgspec

from alonzo.functions.settings.recursion import RecursionConfig
from alonzo.functions.settings.runtime_management import RuntimeManagementConfig
from alonzo.functions.settings.scaling import ScalingConfig
from alonzo.model.alias import Alias
from alonzo.model.capacity_provider import CapacityProvider
from alonzo.model.code_signing import CodeSigningConfig, FunctionCodeSigning
from alonzo.model.concurrency import AccountConcurrency
from alonzo.model.durable import DurableCallback, DurableEvent, DurableExecution, DurableOperation
from alonzo.model.event_invoke_config import EventInvokeConfig
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.model.function import FunctionVersion
from alonzo.model.function_url import FunctionUrl
from alonzo.model.layer import LayerCounter, LayerVersion
from alonzo.model.log_group import LogResource
from alonzo.model.policy import ResourcePolicy
from alonzo.store.connection import Connection
from alonzo.store.records import RecordTable

Component = Callable[[], Coroutine[Any, Any, None]]
T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Made by `open_tables`."""

    functions: RecordTable[FunctionVersion]
    aliases: RecordTable[Alias]
    policies: RecordTable[ResourcePolicy]
    layers: RecordTable[LayerVersion]
    layer_counters: RecordTable[LayerCounter]
    layer_policies: RecordTable[ResourcePolicy]
    concurrency: RecordTable[AccountConcurrency]
    recursion: RecordTable[RecursionConfig]
    runtime_management: RecordTable[RuntimeManagementConfig]
    scaling: RecordTable[ScalingConfig]
    urls: RecordTable[FunctionUrl]
    event_invoke: RecordTable[EventInvokeConfig]
    event_source_mappings: RecordTable[EventSourceMapping]
    code_signing_configs: RecordTable[CodeSigningConfig]
    function_code_signing: RecordTable[FunctionCodeSigning]
    capacity_providers: RecordTable[CapacityProvider]
    durable_executions: RecordTable[DurableExecution]
    durable_operations: RecordTable[DurableOperation]
    durable_events: RecordTable[DurableEvent]
    durable_callbacks: RecordTable[DurableCallback]
    log_groups: RecordTable[LogResource]

    @property
    def followers(self) -> tuple[Component, ...]:
        """What keeps them up to date: to be run as long as they are used."""
        return tuple(table.run for table in self.by_name().values())

    def by_name(self) -> dict[str, RecordTable[Any]]:
        """All of them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


async def open_tables(connection: Connection) -> Tables:
    """Errors: the store's."""
    async with asyncio.TaskGroup() as group:

        def opening(name: str, record_type: type[T]) -> "asyncio.Task[RecordTable[T]]":
            return group.create_task(RecordTable.open(connection, name=name, record_type=record_type))

        functions = opening("functions", FunctionVersion)
        aliases = opening("aliases", Alias)
        policies = opening("policies", ResourcePolicy)
        layers = opening("layers", LayerVersion)
        layer_counters = opening("layer-counters", LayerCounter)
        layer_policies = opening("layer-policies", ResourcePolicy)
        concurrency = opening("concurrency", AccountConcurrency)
        recursion = opening("recursion", RecursionConfig)
        runtime_management = opening("runtime-management", RuntimeManagementConfig)
        scaling = opening("scaling", ScalingConfig)
        urls = opening("urls", FunctionUrl)
        event_invoke = opening("event-invoke", EventInvokeConfig)
        event_source_mappings = opening("event-source-mappings", EventSourceMapping)
        code_signing_configs = opening("code-signing", CodeSigningConfig)
        function_code_signing = opening("function-code-signing", FunctionCodeSigning)
        capacity_providers = opening("capacity-providers", CapacityProvider)
        durable_executions = opening("durable-executions", DurableExecution)
        durable_operations = opening("durable-operations", DurableOperation)
        durable_events = opening("durable-events", DurableEvent)
        durable_callbacks = opening("durable-callbacks", DurableCallback)
        log_groups = opening("log-groups", LogResource)
    return Tables(
        functions=functions.result(),
        aliases=aliases.result(),
        policies=policies.result(),
        layers=layers.result(),
        layer_counters=layer_counters.result(),
        layer_policies=layer_policies.result(),
        concurrency=concurrency.result(),
        recursion=recursion.result(),
        runtime_management=runtime_management.result(),
        scaling=scaling.result(),
        urls=urls.result(),
        event_invoke=event_invoke.result(),
        event_source_mappings=event_source_mappings.result(),
        code_signing_configs=code_signing_configs.result(),
        function_code_signing=function_code_signing.result(),
        capacity_providers=capacity_providers.result(),
        durable_executions=durable_executions.result(),
        durable_operations=durable_operations.result(),
        durable_events=durable_events.result(),
        durable_callbacks=durable_callbacks.result(),
        log_groups=log_groups.result(),
    )
