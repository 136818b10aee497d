"""Is it there? `GET /health`, `/health/live`, `/health/ready`, and the pages that LocalStack's tools ask (`localstack_pages.py`).

A node serves only when it is ready: before that, requests wait at its port. It is live as long as it answers, and not ready any more from
when it is told to stop; whoever spreads requests over several shall ask `/health/ready` (or `/health`, which says the same and more).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alonzo.clock import Clock
from alonzo.edge.asgi import Endpoint
from alonzo.edge.json_page import page
from alonzo.edge.localstack_pages import localstack_routes

_OK, _UNAVAILABLE = 200, 503


def health_routes(
    *,
    version: str,
    services: Sequence[str],
    clock: Clock,
    count_workers: Callable[[], int] | None = None,
    is_ready: Callable[[], bool] = lambda: True,
) -> Mapping[bytes, Endpoint]:
    """The endpoints by their paths. `count_workers`: how many live, where there are several."""
    said: dict[str, Any] = {"version": version, "services": dict.fromkeys(services, "available")}

    def readiness() -> dict[str, Any]:
        return {"status": "ready" if is_ready() else "draining"}

    def health() -> dict[str, Any]:
        return readiness() | said | ({} if count_workers is None else {"workers": count_workers()})

    def status() -> int:
        return _OK if is_ready() else _UNAVAILABLE

    return {
        b"/health": page(health, status=status),
        b"/health/live": page(lambda: {"status": "live"}),
        b"/health/ready": page(readiness, status=status),
        **localstack_routes(version=version, services=services, clock=clock),
    }
