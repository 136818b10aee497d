"""What LocalStack's tools and Testcontainers' LocalStack module ask before they start, answered truthfully.

`edition` is the one whose features need no licence; `version` is Alonzo's. There are no scripts that run at a stage, and a server that
answers is ready. Source: https://docs.localstack.cloud/aws/capabilities/config/initialization-hooks/, and its page on internal endpoints.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from alonzo.clock import Clock
from alonzo.edge.asgi import Endpoint
from alonzo.edge.json_page import page

_EDITION = "community"
_STAGES = {"BOOT": True, "START": True, "READY": True, "SHUTDOWN": False}


def localstack_routes(*, version: str, services: Sequence[str], clock: Clock) -> Mapping[bytes, Endpoint]:
    """The endpoints by their paths."""
    started_at = clock.monotonic()
    health: dict[str, Any] = {"services": dict.fromkeys(services, "available"), "edition": _EDITION, "version": version}

    def info() -> dict[str, Any]:
        return {
            "version": version,
            "edition": _EDITION,
            "is_license_activated": False,
            "system": sys.platform,
            "is_docker": False,
            "server_time_utc": clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
            "uptime": int(clock.monotonic() - started_at),
        }

    stages = {
        f"/_localstack/init/{stage.lower()}".encode(): _stage_page(is_completed=is_completed) for stage, is_completed in _STAGES.items()
    }
    return {
        b"/_localstack/health": page(lambda: health),
        b"/_localstack/info": page(info),
        b"/_localstack/init": page(lambda: {"completed": _STAGES, "scripts": []}),
        **stages,
    }


def _stage_page(*, is_completed: bool) -> Endpoint:
    return page(lambda: {"completed": is_completed, "scripts": []})
