"""Which route of a WebSocket API a message takes, by the API's route selection expression.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from alonzo.edge.api_gateway.http_api.configuration import Route, VersionTwoApi
from alonzo.edge.api_gateway.web_sockets.events import CONNECT, DEFAULT, DISCONNECT

_EXPRESSION = re.compile(r"\$request\.body\.([A-Za-z0-9_.-]+)|\$\{request\.body\.([A-Za-z0-9_.-]+)\}")


def route_of(api: VersionTwoApi, message: str | bytes) -> Route | None:
    """`$default` for a message that is no JSON, or names no route; None if there is no such route either."""
    route = None
    if isinstance(message, str):
        try:
            key = _selected(api.route_selection, json.loads(message))
        except (ValueError, RecursionError):
            key = None
        if key not in {CONNECT, DISCONNECT, DEFAULT, None}:
            route = api.routes.get(key or "")
    return route or api.routes.get(DEFAULT)


def _selected(expression: str, content: Any) -> str | None:
    missing = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal missing
        value: Any = content
        for name in (match[1] or match[2]).split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        missing |= value is None or isinstance(value, dict | list)
        return str(value)

    selected = _EXPRESSION.sub(value_of, expression)
    return None if missing else selected
