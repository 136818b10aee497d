"""Functions' own addresses, wired: which host names and paths lead to what."""

import asyncio
import importlib
from contextlib import AsyncExitStack
from typing import Any

from alonzo.edge.api_gateway.places import HOST_LABEL as API_LABEL
from alonzo.edge.api_gateway.places import MANAGEMENT_PREFIX, USER_REQUEST_PREFIX
from alonzo.edge.api_gateway.places import PATH_PREFIX as API_PREFIX
from alonzo.edge.front_doors import FrontDoor, FrontDoors
from alonzo.edge.function_urls.access import UrlAccess, known_secrets
from alonzo.edge.function_urls.door import HOST_LABEL, PATH_PREFIX, FunctionUrlDoor
from alonzo.edge.late_door import LateDoor
from alonzo.edge.load_balancer.places import HOST_LABEL as BALANCER_LABEL
from alonzo.edge.load_balancer.places import PATH_PREFIX as BALANCER_PREFIX
from alonzo.edge.service_calls import ServiceCalls
from alonzo.node.front_door_parts import FrontDoorParts


def wire_front_doors(parts: FrontDoorParts, resources: AsyncExitStack) -> FrontDoors:
    """All of them. What they hold is closed with `resources`."""
    access = UrlAccess(policies=parts.control.function_policies, find_secrets=known_secrets, clock=parts.clock)
    urls = FunctionUrlDoor(urls=parts.control.urls, access=access, calls=parts.calls, clock=parts.clock)
    calls = ServiceCalls(calls=parts.calls, acceptance=parts.acceptance, policies=parts.control.function_policies)
    resources.push_async_callback(calls.aclose)

    async def open_apis() -> FrontDoor:
        module: Any = await asyncio.to_thread(importlib.import_module, "alonzo.node.gateway")
        door: FrontDoor = module.wire_apis(parts, calls, resources)
        return door

    async def open_load_balancers() -> FrontDoor:
        module: Any = await asyncio.to_thread(importlib.import_module, "alonzo.node.gateway")
        door: FrontDoor = module.wire_load_balancers(parts, calls, resources)
        return door

    apis = LateDoor(open_apis, takes_web_sockets=True)
    balancers = LateDoor(open_load_balancers, takes_web_sockets=False)
    return FrontDoors(
        by_label={HOST_LABEL: urls, API_LABEL: apis, BALANCER_LABEL: balancers},
        by_path={
            PATH_PREFIX: urls,
            API_PREFIX: apis,
            USER_REQUEST_PREFIX: apis,
            MANAGEMENT_PREFIX: apis,
            BALANCER_PREFIX: balancers,
        },
    )
