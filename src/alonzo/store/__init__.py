"""The durable store on NATS JetStream: records, blobs, logs, and the embedded server. Nothing outside knows a subject of NATS."""

import sys
from types import ModuleType
from typing import cast


def _import_client() -> None:
    """nats-py imports aiohttp where it is installed, for WebSockets, which nobody uses here: a quarter of all that a start imports."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    absent = modules.setdefault("aiohttp", None) is None
    try:
        import nats.aio.client  # noqa: F401, PLC0415
    finally:
        if absent:
            del modules["aiohttp"]


_import_client()
