"""Functions' own addresses, wired: which host names and paths lead to what."""

from alonzo.clock import Clock
from alonzo.edge.front_doors import FrontDoors
from alonzo.edge.http_events.function_calls import FunctionCalls
from alonzo.node.control_plane import ControlPlane


def wire_front_doors(*, control: ControlPlane, calls: FunctionCalls, clock: Clock) -> FrontDoors:
    """All of them."""
    return FrontDoors(by_label={}, by_path={})
