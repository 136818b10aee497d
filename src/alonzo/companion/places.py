"""WSGI middleware: tells the node whose an API or a load balancer is. Their addresses name neither account nor, often, region.

Only for the node: its proxy passes no path on that begins so, but for buckets, whose names cannot begin with an underscore.
"""

import json
from collections.abc import Iterable
from typing import Any

from alonzo.companion.api_gateway import place_of_api
from alonzo.companion.load_balancers import place_of_load_balancer
from alonzo.companion.requests import Application, Environ

_PREFIXES = {"/_alonzo/apis/": place_of_api, "/_alonzo/load-balancers/": place_of_load_balancer}


class Places:
    """Answers with what is known, 404 if that is nothing."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        for prefix, find in _PREFIXES.items():
            if path.startswith(prefix):
                place = find(path.removeprefix(prefix))
                content = json.dumps(place).encode()
                status = "404 Not Found" if place is None else "200 OK"
                start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
                return [content]
        return self._application(environ, start_response)
