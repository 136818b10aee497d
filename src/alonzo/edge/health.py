"""Is it there? `GET /health`, and the two pages that LocalStack's tools and Testcontainers' LocalStack module ask before they start."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from alonzo.clock import Clock
from alonzo.edge.asgi import AsgiScope, Endpoint, Receive, Send, send_json, send_response

_READ_METHODS = frozenset({"GET", "HEAD"})


def health_routes(
    *, version: str, services: Sequence[str], clock: Clock, count_workers: Callable[[], int] | None = None
) -> Mapping[bytes, Endpoint]:
    """The endpoints by their paths. They answer as soon as the server serves: a node serves only when it is ready.

    `count_workers`: how many live, where there are several.
    """
    health: dict[str, Any] = {"status": "ready", "version": version, "services": dict.fromkeys(services, "available")}
    localstack_health = {"services": dict.fromkeys(services, "available"), "edition": "community", "version": version}
    started_at = clock.monotonic()

    def localstack_info() -> dict[str, Any]:
        return {
            "version": version,
            "edition": "community",
            "is_license_activated": False,
            "system": sys.platform,
            "is_docker": False,
            "server_time_utc": clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
            "uptime": int(clock.monotonic() - started_at),
        }

    return {
        b"/health": _page(lambda: health if count_workers is None else health | {"workers": count_workers()}),
        b"/_localstack/health": _page(lambda: localstack_health),
        b"/_localstack/info": _page(localstack_info),
    }


def _page(content: Callable[[], Mapping[str, Any]]) -> Endpoint:
    async def answer(scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["method"] in _READ_METHODS:
            await send_json(send, 200, msgspec.json.encode(content()))
        else:
            await send_response(send, 405, [(b"allow", b"GET, HEAD")], b"")

    return answer
