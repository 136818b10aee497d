"""Is it there? `GET /health`, and the pages that LocalStack's tools ask (`localstack_pages.py`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alonzo.clock import Clock
from alonzo.edge.asgi import Endpoint
from alonzo.edge.json_page import page
from alonzo.edge.localstack_pages import localstack_routes


def health_routes(
    *, version: str, services: Sequence[str], clock: Clock, count_workers: Callable[[], int] | None = None
) -> Mapping[bytes, Endpoint]:
    """The endpoints by their paths. They answer as soon as the server serves: a node serves only when it is ready.

    `count_workers`: how many live, where there are several.
    """
    health: dict[str, Any] = {"status": "ready", "version": version, "services": dict.fromkeys(services, "available")}
    return {
        b"/health": page(lambda: health if count_workers is None else health | {"workers": count_workers()}),
        **localstack_routes(version=version, services=services, clock=clock),
    }
