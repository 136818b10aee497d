"""Functions' own addresses, wired: which host names and paths lead to what."""

from alonzo.clock import Clock
from alonzo.edge.front_doors import FrontDoors
from alonzo.edge.function_urls.access import UrlAccess, known_secrets
from alonzo.edge.function_urls.door import HOST_LABEL, PATH_PREFIX, FunctionUrlDoor
from alonzo.edge.http_events.function_calls import FunctionCalls
from alonzo.node.control_plane import ControlPlane


def wire_front_doors(*, control: ControlPlane, calls: FunctionCalls, clock: Clock) -> FrontDoors:
    """All of them."""
    access = UrlAccess(policies=control.function_policies, find_secrets=known_secrets, clock=clock)
    urls = FunctionUrlDoor(urls=control.urls, access=access, calls=calls, clock=clock)
    return FrontDoors(by_label={HOST_LABEL: urls}, by_path={PATH_PREFIX: urls})
