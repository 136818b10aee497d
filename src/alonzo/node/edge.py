"""The node's whole HTTP interface, wired."""

from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from alonzo import __version__, ids
from alonzo.aws.identity import CallerDirectory
from alonzo.aws.service_model import ServiceModels
from alonzo.clock import Clock
from alonzo.edge.app import Application, OwnRoutes
from alonzo.edge.aws_api import AwsApi
from alonzo.edge.changed_code import FUNCTIONS_PATH, ChangedCodeEndpoint
from alonzo.edge.cloudtrail_api import CloudTrailOperations
from alonzo.edge.cloudwatch.endpoint import SERVICE as CLOUDWATCH
from alonzo.edge.cloudwatch.endpoint import CloudWatchEndpoint
from alonzo.edge.companion_endpoint import COMPANION_PATH, CompanionEndpoint
from alonzo.edge.error_table import to_api_error
from alonzo.edge.health import health_routes
from alonzo.edge.http_events.function_calls import FunctionCalls
from alonzo.edge.image_routes import IMAGES_PATH, ImageEndpoint
from alonzo.edge.ingestion_endpoint import INGESTION_PATH
from alonzo.edge.invoke_endpoint import InvokeEndpoint
from alonzo.edge.lambda_api.code_links import CODE_PATH_PREFIX, CodeDownloads
from alonzo.edge.lambda_api.invoke_async_operations import InvokeAsyncOperations
from alonzo.edge.metrics_page import METRICS_PATH, PROMETHEUS_PATH, metrics_page
from alonzo.edge.operations import OperationTable
from alonzo.edge.other_services import EVERY_OPERATION, OtherServices
from alonzo.edge.queue_routes import QUEUES_PATH, QueueEndpoint
from alonzo.edge.response_door import ResponseDoor
from alonzo.edge.service_proxy import ServiceProxy
from alonzo.edge.stream_endpoint import STREAM_PATH_PREFIX, StreamEndpoint
from alonzo.edge.usage_routes import USAGE_PATH, UsageEndpoint
from alonzo.invoke.recursion import RecursionGuard
from alonzo.node.cluster import Cluster
from alonzo.node.companion import COMPANION_SERVICES
from alonzo.node.configuration import Configuration
from alonzo.node.event_queue import AsynchronousInvocation
from alonzo.node.front_door_parts import FrontDoorParts, GatewayWrites
from alonzo.node.front_doors import wire_front_doors
from alonzo.node.images import collect_images
from alonzo.node.invocation import InvocationParts
from alonzo.node.logs import Logs
from alonzo.node.stores import Stores
from alonzo.node.triggers import Triggers, wire_ingestion
from alonzo.observe.function_metrics import CountSource
from alonzo.observe.process_metrics import read_process


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeParts:
    """What the edge stands on. `resources` closes what it opens."""

    configuration: Configuration
    stores: Stores
    parts: InvocationParts
    asynchronous: AsynchronousInvocation
    triggers: Triggers
    recursion: RecursionGuard
    metrics: CountSource
    cloudwatch: OperationTable
    logs: Logs
    responses: ResponseDoor
    is_ready: Callable[[], bool]
    resources: AsyncExitStack
    clock: Clock


def wire_edge(edge: EdgeParts) -> tuple[Application, ServiceProxy]:
    """The node's whole HTTP interface, and the proxy in it, which is to be closed."""
    configuration, stores, parts, clock = edge.configuration, edge.stores, edge.parts, edge.clock
    asynchronous, triggers, recursion = edge.asynchronous, edge.triggers, edge.recursion
    metrics = metrics_page(edge.metrics, read_process)
    control = stores.control
    models, callers, id_source = ServiceModels(), CallerDirectory(), ids.IdSource()
    trace_headers = parts.traces.headers
    invoke = InvokeEndpoint(
        resolution=control.resolution,
        invoker=parts.invoker,
        acceptance=asynchronous.acceptance,
        callers=callers,
        models=models,
        translate_error=to_api_error,
        ids=id_source,
        trace_headers=trace_headers,
        recursion=recursion,
    )
    invoke_async = InvokeAsyncOperations(resolution=control.resolution, acceptance=asynchronous.acceptance, trace_headers=trace_headers)
    operations = {
        "lambda": {**control.operations, **invoke_async.table()},
        "logs": edge.logs.operations,
        "xray": parts.traces.operations,
        "cloudtrail": CloudTrailOperations(store=stores.audit).table(),
    }
    aws_api = AwsApi(
        models=models,
        operations=operations,
        callers=callers,
        translate_error=to_api_error,
        new_request_id=ids.new_uuid,
        audit=stores.audit_trail.note,
        before_answer=None if stores.cluster is None else stores.cluster.agree,
        streams={"logs": edge.logs.streams},
    )
    writes = GatewayWrites(stores.cluster)
    proxy = ServiceProxy(
        requests=OtherServices(own=_own_operations(operations, configuration), models=models, callers=callers),
        endpoints=configuration.aws_endpoints,
        companion_socket=None if stores.companion is None else stores.companion.socket_path,
        own=aws_api,
        partly_own={
            CLOUDWATCH: CloudWatchEndpoint(
                models=models,
                operations=edge.cloudwatch,
                callers=callers,
                translate_error=to_api_error,
                new_request_id=ids.new_uuid,
                before_answer=None if stores.cluster is None else stores.cluster.agree,
                audit=stores.audit_trail.note,
            )
        },
        new_request_id=ids.new_uuid,
        on_request=stores.notices.note,
        on_write=writes.note,
        note_passed=stores.audit_trail.note_passed,
    )
    pages = {
        **health_routes(
            version=__version__,
            services=_services(operations, configuration),
            clock=clock,
            count_workers=_worker_count(stores.cluster),
            is_ready=edge.is_ready,
        ),
        METRICS_PATH: metrics,
        PROMETHEUS_PATH: metrics,
    }
    own_routes = OwnRoutes(
        exact={path: proxy.beside(page) for path, page in pages.items()},
        prefixes={
            CODE_PATH_PREFIX: CodeDownloads(links=control.code_links, blobs=control.blobs),
            USAGE_PATH: UsageEndpoint(read=parts.usage.read, callers=callers, translate_error=to_api_error, clock=clock),
            FUNCTIONS_PATH: ChangedCodeEndpoint(
                functions=control.functions,
                code_signing=control.code_signing,
                blobs=control.blobs,
                callers=callers,
                translate_error=to_api_error,
                before_answer=None if stores.cluster is None else stores.cluster.agree,
            ),
            QUEUES_PATH: QueueEndpoint(administration=asynchronous.administration, callers=callers, translate_error=to_api_error),
            IMAGES_PATH: ImageEndpoint(
                images=stores.images,
                collect=lambda: collect_images(stores.images, control.records),
                translate_error=to_api_error,
            ),
            INGESTION_PATH: wire_ingestion(
                token=configuration.events_token,
                control=control,
                acceptance=asynchronous.acceptance,
                services=stores.services,
                callers=callers,
                trace_headers=trace_headers,
            ),
            COMPANION_PATH: CompanionEndpoint(
                token=None if stores.companion is None else stores.companion.token,
                rules=triggers.rules,
                schedules=triggers.schedules,
                tagged=control.tagged,
                open_responses=edge.responses.open,
            ),
            STREAM_PATH_PREFIX: StreamEndpoint(invoke=invoke, invoker=parts.invoker, otherwise=proxy),
        },
    )
    calls = FunctionCalls(
        resolution=control.resolution, invoker=parts.invoker, ids=id_source, trace_headers=trace_headers, recursion=recursion
    )
    front_doors = wire_front_doors(
        FrontDoorParts(
            control=control,
            calls=calls,
            acceptance=asynchronous.acceptance,
            services=stores.services,
            writes=writes,
            aws_api=proxy,
            cluster=stores.cluster,
            clock=clock,
        ),
        edge.resources,
    )
    return Application(invoke=invoke, front_doors=front_doors, own_routes=own_routes, aws_api=proxy), proxy


_PARTLY_OURS = frozenset({"xray", "cloudtrail"})


def _own_operations(operations: Mapping[str, OperationTable], configuration: Configuration) -> dict[str, Container[str]]:
    """What we answer ourselves: of services that we answer in part only those operations, and none if the user has them elsewhere."""
    elsewhere = _PARTLY_OURS & configuration.aws_endpoints.of_services.keys()
    return {
        service: frozenset(table) if service in _PARTLY_OURS else EVERY_OPERATION
        for service, table in operations.items()
        if service not in elsewhere
    }


def _services(own: Iterable[str], configuration: Configuration) -> list[str]:
    """What can be asked for here."""
    others = COMPANION_SERVICES if configuration.has_companion else ()
    return sorted({*own, *others, *configuration.aws_endpoints.of_services})


def _worker_count(cluster: Cluster | None) -> Callable[[], int] | None:
    return None if cluster is None else lambda: len(cluster.members.names)
