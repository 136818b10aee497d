"""The Lambda API's resources: their records opened, the domain over them, the operations on top. What runs functions is wired elsewhere."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alonzo.aws.client.clients import AwsClients
from alonzo.clock import Clock
from alonzo.edge.lambda_api.account_operations import AccountOperations
from alonzo.edge.lambda_api.alias_operations import AliasOperations
from alonzo.edge.lambda_api.capacity_provider_operations import CapacityProviderOperations
from alonzo.edge.lambda_api.code_links import CodeLinks
from alonzo.edge.lambda_api.code_objects import CodeObjects
from alonzo.edge.lambda_api.code_signing_operations import CodeSigningOperations
from alonzo.edge.lambda_api.concurrency_operations import ConcurrencyOperations
from alonzo.edge.lambda_api.durable_execution_operations import DurableExecutionOperations
from alonzo.edge.lambda_api.event_invoke_operations import EventInvokeOperations
from alonzo.edge.lambda_api.event_source_mapping_operations import EventSourceMappingOperations
from alonzo.edge.lambda_api.function_operations import FunctionOperations
from alonzo.edge.lambda_api.layer_operations import LayerOperations
from alonzo.edge.lambda_api.permission_operations import PermissionOperations
from alonzo.edge.lambda_api.recursion_operations import RecursionOperations
from alonzo.edge.lambda_api.runtime_management_operations import RuntimeManagementOperations
from alonzo.edge.lambda_api.scaling_operations import ScalingOperations
from alonzo.edge.lambda_api.tag_operations import TagOperations
from alonzo.edge.lambda_api.url_operations import UrlOperations
from alonzo.edge.lambda_api.version_operations import VersionOperations
from alonzo.edge.operations import OperationTable
from alonzo.event_sources.filter_sealing import FilterSealing
from alonzo.event_sources.mappings import EventSourceMappings
from alonzo.functions.aliases import Aliases
from alonzo.functions.capacity_providers import CapacityProviders
from alonzo.functions.code.directories import CodeDirectories
from alonzo.functions.code.keeping import CodeKeeping
from alonzo.functions.code.signing import CodeSigning
from alonzo.functions.code.sources import ResolveImage
from alonzo.functions.deletion import FunctionDeletion, FunctionDependent
from alonzo.functions.durable.callbacks import DurableCallbacks
from alonzo.functions.durable.executions import DurableExecutions
from alonzo.functions.durable.records import DurableRecords, DurableTables
from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.layers.layers import Layers
from alonzo.functions.layers.policies import LayerPolicies, LayerSharing
from alonzo.functions.policies.functions import FunctionPolicies
from alonzo.functions.publication import finish_publications
from alonzo.functions.registry import Functions
from alonzo.functions.resolution import Resolution
from alonzo.functions.settings.concurrency import ConcurrencySettings, ReservedConcurrency
from alonzo.functions.settings.event_invoke import EventInvokeConfigs
from alonzo.functions.settings.provisioned import Allocations, ProvisionedConcurrency
from alonzo.functions.settings.recursion import RecursionConfigs
from alonzo.functions.settings.runtime_management import RuntimeManagement
from alonzo.functions.settings.scaling import ScalingConfigs
from alonzo.functions.settings.urls import FunctionUrls
from alonzo.functions.tags import FunctionTags, TaggedResource, TaggedResources
from alonzo.functions.turns import Turns
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.model.function import FunctionVersion
from alonzo.model.log_group import LogResource
from alonzo.model.names import FunctionReference
from alonzo.model.quotas import ACCOUNT_CONCURRENCY_DEFAULT
from alonzo.node.cluster import Cluster
from alonzo.node.tables import Component, open_tables
from alonzo.store.blobs import BlobStore
from alonzo.store.connection import Connection
from alonzo.store.records import RecordTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """Made by `open_control_plane`."""

    records: RecordTable[FunctionVersion]
    mappings: RecordTable[EventSourceMapping]
    functions: Functions
    resolution: Resolution
    concurrency: ConcurrencySettings
    event_invoke: EventInvokeConfigs
    urls: FunctionUrls
    function_policies: FunctionPolicies
    recursion: RecursionConfigs
    policies: FunctionPolicies
    log_groups: RecordTable[LogResource]
    provisioned: ProvisionedConcurrency
    allocations: Allocations
    code_signing: CodeSigning
    blobs: BlobStore
    code_directories: CodeDirectories
    code_links: CodeLinks
    tagged: TaggedResources
    operations: OperationTable
    """Of the service `lambda`."""
    followers: tuple[Component, ...]
    """What keeps the records up to date: to be run as long as they are used."""


async def open_control_plane(
    *,
    connection: Connection,
    data_directory: Path,
    code_links: CodeLinks,
    services: AwsClients,
    resolve_image: ResolveImage,
    account_concurrency: int = ACCOUNT_CONCURRENCY_DEFAULT,
    takes_blocked_runtimes: bool = False,
    cluster: Cluster | None = None,
    clock: Clock,
) -> ControlPlane:
    """Open everything, tables at the same time. Errors: the store's."""
    tables = await open_tables(connection)
    turns = Turns() if cluster is None else cluster.share_records(tables.by_name())
    blobs = await BlobStore.open(connection, name="code")
    code_directories = await CodeDirectories.open(root=data_directory / "code", blobs=blobs)
    layers = Layers(
        counters=tables.layer_counters,
        versions=tables.layers,
        code_directories=code_directories,
        may_use=LayerSharing(tables.layer_policies).may_use,
        clock=clock,
    )
    layer_policies = LayerPolicies(records=tables.layer_policies, find_layer_version=layers.find_version)
    functions = Functions(
        records=tables.functions,
        code_directories=code_directories,
        resolve_image=resolve_image,
        layers=layers,
        turns=turns,
        takes_blocked_runtimes=takes_blocked_runtimes,
        clock=clock,
    )
    aliases = Aliases(records=tables.aliases, functions=functions)
    resolution = Resolution(functions=functions, aliases=aliases, random=random.random)
    await finish_publications(tables.functions)
    function_policies = FunctionPolicies(
        records=tables.policies, functions=functions, alias_exists=lambda reference: aliases.find(reference) is not None
    )
    tagged: dict[str, TaggedResource] = {"function": FunctionTags(tables.functions)}
    code_signing = CodeSigning(
        configs=tables.code_signing_configs, attachments=tables.function_code_signing, functions=functions, clock=clock
    )
    capacity_providers = CapacityProviders(records=tables.capacity_providers, functions=functions, clock=clock)
    tagged |= {"code-signing-config": code_signing, "capacity-provider": capacity_providers}
    durable_records = DurableRecords(
        DurableTables(
            executions=tables.durable_executions,
            operations=tables.durable_operations,
            events=tables.durable_events,
            callbacks=tables.durable_callbacks,
        )
    )
    durable_executions = DurableExecutions(records=durable_records, clock=clock)
    concurrency = ConcurrencySettings(records=tables.concurrency, account_limit=account_concurrency)
    allocations = Allocations() if cluster is None else cluster.allocations
    provisioned = ProvisionedConcurrency(
        settings=concurrency, functions=functions, aliases=tables.aliases, allocations=allocations, clock=clock
    )
    recursion = RecursionConfigs(records=tables.recursion, functions=functions)
    runtime_management = RuntimeManagement(records=tables.runtime_management, functions=functions)
    scaling = ScalingConfigs(records=tables.scaling, functions=functions)
    urls = FunctionUrls(records=tables.urls, functions=functions, resolution=resolution, clock=clock)
    event_invoke = EventInvokeConfigs(records=tables.event_invoke, functions=functions, resolution=resolution, clock=clock)
    mappings = EventSourceMappings(
        records=tables.event_source_mappings,
        function_exists=_function_exists(resolution),
        sealing=FilterSealing(services),
        clock=clock,
    )
    tagged |= {"event-source-mapping": mappings}
    tagged_resources = TaggedResources(tagged)
    dependents: tuple[FunctionDependent, ...] = (
        urls,
        event_invoke,
        concurrency,
        recursion,
        runtime_management,
        scaling,
        code_signing,
        durable_executions,
        function_policies,
    )
    code_objects = CodeObjects(services)
    deletion = FunctionDeletion(functions=functions, aliases=aliases, dependents=dependents)
    return ControlPlane(
        records=tables.functions,
        mappings=tables.event_source_mappings,
        functions=functions,
        resolution=resolution,
        concurrency=concurrency,
        event_invoke=event_invoke,
        urls=urls,
        function_policies=function_policies,
        recursion=recursion,
        policies=function_policies,
        log_groups=tables.log_groups,
        provisioned=provisioned,
        allocations=allocations,
        code_signing=code_signing,
        blobs=blobs,
        code_directories=code_directories,
        code_links=code_links,
        tagged=tagged_resources,
        operations={
            **FunctionOperations(
                functions=functions,
                resolution=resolution,
                deletion=deletion,
                code_signing=code_signing,
                capacity_providers=capacity_providers,
                code_links=code_links,
                code_objects=code_objects,
                concurrency=concurrency,
            ).table(),
            **AccountOperations(functions=functions, concurrency=concurrency).table(),
            **ConcurrencyOperations(
                reserved=ReservedConcurrency(settings=concurrency, functions=functions), provisioned=provisioned
            ).table(),
            **RecursionOperations(configs=recursion).table(),
            **RuntimeManagementOperations(runtime_management=runtime_management).table(),
            **ScalingOperations(configs=scaling).table(),
            **LayerOperations(
                layers=layers, policies=layer_policies, functions=functions, code_links=code_links, code_objects=code_objects
            ).table(),
            **CodeSigningOperations(code_signing=code_signing).table(),
            **CapacityProviderOperations(capacity_providers=capacity_providers).table(),
            **DurableExecutionOperations(
                executions=durable_executions,
                callbacks=DurableCallbacks(records=durable_records, clock=clock),
                resolution=resolution,
                clock=clock,
            ).table(),
            **VersionOperations(functions=functions).table(),
            **AliasOperations(aliases=aliases, deletion=deletion).table(),
            **PermissionOperations(function_policies=function_policies, layer_policies=layer_policies).table(),
            **UrlOperations(urls).table(),
            **EventInvokeOperations(event_invoke).table(),
            **EventSourceMappingOperations(mappings).table(),
            **TagOperations(resources=tagged_resources).table(),
        },
        followers=(
            *tables.followers,
            provisioned.run,
            CodeKeeping(functions=tables.functions, layers=tables.layers, directories=code_directories, blobs=blobs, clock=clock).run,
        ),
    )


def _function_exists(resolution: Resolution) -> Callable[[FunctionReference], bool]:
    def function_exists(reference: FunctionReference) -> bool:
        try:
            resolution.get_version(reference)
        except FunctionNotFound:
            return False
        return True

    return function_exists
