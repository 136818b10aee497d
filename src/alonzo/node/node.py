"""One node, wired: every part made here and handed to those that need it, started in order, ended in the opposite order."""

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing

from alonzo.clock import Clock, SystemClock
from alonzo.edge.patience import HttpTimeouts
from alonzo.edge.server import HttpServer
from alonzo.functions.activation import Activations
from alonzo.invoke.destinations.retries import PAUSES_SECONDS, WAITING_MAX_BYTES, Retries
from alonzo.invoke.recursion import RecursionGuard
from alonzo.node.configuration import Configuration
from alonzo.node.departures import DepartedFunctions
from alonzo.node.destinations import wire_destinations
from alonzo.node.door import Door, HandedDoor, ListeningDoor
from alonzo.node.edge import EdgeParts, wire_edge
from alonzo.node.event_queue import wire_asynchronous_invocation
from alonzo.node.event_sources import wire_event_sources
from alonzo.node.host_setup import Host, node_name, set_up_host
from alonzo.node.images import tidy_images
from alonzo.node.invocation import activation_with, note_change, warm_up, wire_invocation
from alonzo.node.logs import wire_logs
from alonzo.node.metrics import wire_metrics
from alonzo.node.programs import Programs
from alonzo.node.responses import wire_responses
from alonzo.node.seat import Seat
from alonzo.node.stores import Stores, open_stores
from alonzo.node.tls import open_tls_source
from alonzo.node.triggers import home_of, life_of, wire_triggers

_DRAIN_SECONDS = 30.0
_SHUTDOWN_SECONDS = 5.0
"""More than extensions get of it (`model/quotas.py`)."""
_HTTP_TIMEOUTS = HttpTimeouts()

_log = logging.getLogger(__name__)


class Node:
    """`run` is its whole life. `programs`: what is being found on the host meanwhile; `seat`: it is one of several workers."""

    def __init__(self, configuration: Configuration, *, programs: Awaitable[Programs], seat: Seat | None = None) -> None:
        self._configuration = configuration
        self._programs = programs
        self._seat = seat
        self._clock: Clock = SystemClock()

    async def run(self, *, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
        """Start, tell `on_ready` the endpoint's URL, serve until `stop` is set, drain and end. Cancelling ends at once.

        Raises SetupError when something that the user must mend is in the way.
        """
        configuration = self._configuration
        async with AsyncExitStack() as stack:
            door: Door = ListeningDoor(configuration) if self._seat is None else HandedDoor(self._seat)
            stack.callback(door.abandon)
            stores = await open_stores(stack, configuration=configuration, seat=self._seat, port=door.port, clock=self._clock)
            async with asyncio.TaskGroup() as keepers:
                tasks = [keepers.create_task(component) for component in stores.components]
                host = await set_up_host(configuration, programs=await self._programs, endpoint_port=door.port)
                stack.callback(host.settings.cgroups.remove)
                await self._serve(resources=stack, stores=stores, host=host, door=door, stop=stop, on_ready=on_ready)
                for task in tasks:
                    task.cancel()

    async def _serve(
        self,
        *,
        resources: AsyncExitStack,
        stores: Stores,
        host: Host,
        door: Door,
        stop: asyncio.Event,
        on_ready: Callable[[str], None],
    ) -> None:
        control = stores.control
        servers: list[HttpServer] = []

        async def serve_endpoint(endpoint: socket.socket) -> Callable[[], None]:
            return (await servers[0].serve_socket(endpoint)).close

        responses = wire_responses(self._configuration, services=stores.services, host=host, timeouts=_HTTP_TIMEOUTS)
        metering = wire_metrics(stores=stores, instance=instance_of(self._configuration, self._seat), clock=self._clock)
        parts = wire_invocation(
            configuration=self._configuration,
            seat=self._seat,
            stores=stores,
            host=host,
            serve_endpoint=serve_endpoint,
            serve_responses=responses.serve,
            metrics=metering,
            clock=self._clock,
        )
        retries = Retries(pauses_seconds=PAUSES_SECONDS, waiting_max_bytes=WAITING_MAX_BYTES, random=random.random)
        recursion = RecursionGuard(settings=control.recursion, metrics=metering.functions)
        asynchronous = wire_asynchronous_invocation(
            stores=stores.events,
            control=control,
            invoker=parts.invoker,
            recursion=recursion,
            metrics=metering.functions,
            outcomes=lambda acceptance: wire_destinations(
                control=control,
                services=stores.services,
                acceptance=acceptance,
                recursion=recursion,
                metrics=metering.functions,
                retries=retries,
            ),
            retry_delays_seconds=self._configuration.async_retry_delays_seconds,
            account_concurrency=self._configuration.account_concurrency,
            cluster=stores.cluster,
            clock=self._clock,
        )
        triggers = wire_triggers(
            tables=stores.triggers,
            home=home_of(self._configuration.data_directory, self._seat),
            life=life_of(stores.companion, persist=self._configuration.persist),
            control=control,
            acceptance=asynchronous.acceptance,
            services=stores.services,
            trace_headers=parts.traces.headers,
            cluster=stores.cluster,
            clock=self._clock,
        )
        metering.watch_with(stores.metrics.alarms, triggers, has_bus=stores.has_event_bus)
        logs = wire_logs(
            logs=stores.logs,
            groups=stores.log_groups,
            control=control,
            acceptance=asynchronous.acceptance,
            trace_headers=parts.traces.headers,
            read_metrics=metering.tell,
            recorder=metering.recorder,
            clock=self._clock,
        )
        logs.listen_to(parts.delivery, metering.functions)
        application, proxy = wire_edge(
            EdgeParts(
                configuration=self._configuration,
                stores=stores,
                parts=parts,
                asynchronous=asynchronous,
                triggers=triggers,
                recursion=recursion,
                metrics=metering.counts,
                cloudwatch=metering.operations(),
                logs=logs,
                responses=responses,
                is_ready=lambda: not stop.is_set(),
                resources=resources,
                clock=self._clock,
            )
        )
        server = HttpServer(application=application, timeouts=_HTTP_TIMEOUTS, tls=open_tls_source(self._configuration))
        sources = wire_event_sources(
            tables=stores.sources,
            control=control,
            invoker=parts.invoker,
            services=stores.services,
            recursion=recursion,
            metrics=metering.functions,
            delivery=parts.delivery,
            notices=stores.notices,
            retries=retries,
            configuration=self._configuration,
            cluster=stores.cluster,
            seat=self._seat,
            clock=self._clock,
        )
        servers.append(server)
        activations = Activations(
            records=control.records, code_directories=control.code_directories, activate=activation_with(parts, stores.images)
        )
        stop_retiring = control.functions.subscribe(lambda key, current: note_change(parts, key, current))
        async with aclosing(proxy), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(component)
                for component in (
                    parts.delivery.run(),
                    parts.sandboxes.run(),
                    parts.pools.run(),
                    parts.pacemaker.run(),
                    activations.run(),
                    DepartedFunctions(
                        forget=(metering.functions.forget, asynchronous.counters.forget, parts.pools.forget), clock=self._clock
                    ).run(control.functions),
                    server.run(),
                    *parts.traces.components,
                )
            ]
            tasks += [group.create_task(parts.tasks.run()), group.create_task(parts.usage.run()), group.create_task(metering.run())]
            beside = (warm_up(control.records, parts.factory), asynchronous.dispatcher.run(), triggers.run(), responses.run())
            tasks += [group.create_task(component) for component in (*beside, tidy_images(stores), *logs.components())]
            existing = [version for _, version in control.records.iter_prefix(())]
            keepers = [group.create_task(component) for component in (parts.provisioned.run(), parts.snap_start.run(existing))]
            if stores.cluster is not None:
                tasks += [group.create_task(stores.cluster.run()), group.create_task(asynchronous.run())]
                await stores.cluster.join()
            tasks.append(group.create_task(sources.run()))
            await door.open(server)
            on_ready(url_of(self._configuration.host, door.port))
            await self._until_stopped(stop)
            retries.stop()
            await door.close()
            async with asyncio.TaskGroup() as drains:
                drains.create_task(server.drain(timeout_seconds=_DRAIN_SECONDS))
                drains.create_task(asynchronous.dispatcher.drain(timeout_seconds=_DRAIN_SECONDS))
                drains.create_task(sources.pollers.drain(timeout_seconds=_DRAIN_SECONDS))
                if stores.cluster is not None:
                    drains.create_task(stores.cluster.delegation.drain(timeout_seconds=_DRAIN_SECONDS))
            stop_retiring()
            for keeper in keepers:
                keeper.cancel()  # first: it would replace what the pools end
            parts.pools.close()
            await parts.pools.drain(timeout_seconds=_SHUTDOWN_SECONDS)
            await parts.delivery.flush()
            await logs.drain(timeout_seconds=_SHUTDOWN_SECONDS)
            if stores.cluster is not None:
                await stores.cluster.leave()
            for task in tasks:
                task.cancel()

    async def _until_stopped(self, stop: asyncio.Event) -> None:
        """Until it is time to end: what asks for it hears at once that the node is not ready any more."""
        await stop.wait()
        if self._configuration.drain_delay_seconds:
            _log.info("not ready any more, and going on for %g s", self._configuration.drain_delay_seconds)
            await asyncio.sleep(self._configuration.drain_delay_seconds)


def instance_of(configuration: Configuration, seat: Seat | None) -> str:
    """What tells a node from all others that report to the same place."""
    name = node_name(configuration.data_directory)
    return name if seat is None else f"{name}-{seat.name}"


def url_of(host: str, port: int) -> str:
    """Where clients reach a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
