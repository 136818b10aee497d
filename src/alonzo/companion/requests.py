"""What the node says of a request beside the request itself: its path as it came, and headers that WSGI cannot carry.

WSGI decodes paths and folds `x-amz-meta-a_b` and `x-amz-meta-a-b` into one name, so that WSGI servers drop names with underscores. S3's
keys need the one, its metadata the other. moto has places in the WSGI environment for both; source: moto.moto_server.werkzeug_app.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, environ_key_for_header

from alonzo.companion.current_request import answering

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

_KEY = "HTTP_X_ALONZO_REQUEST"
_S3_ID = "x-amz-request-id"
_S3_IDS = frozenset({_S3_ID, "x-amz-id-2", "x-amzn-requestid"})
_CONTROL_PATHS = ("/moto-api", "/latest/meta-data/", "/latest/api/")
"""moto's own pages, which reset it or stand for a machine's metadata: no AWS service has them."""


class AsItCame:
    """WSGI middleware: takes the header `x-alonzo-request` out and gives moto what it says."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        said = json.loads(environ.pop(_KEY, "{}"))
        environ["RAW_URI"] = said.get("uri", "")
        names: dict[str, str] = {}
        for name, value in said.get("headers", ()):
            key = environ_key_for_header(name)
            if key not in environ or key in names:
                environ[key] = f"{environ[key]},{value}" if key in names else value
                names.setdefault(key, name)
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names
        if environ["PATH_INFO"].startswith(_CONTROL_PATHS):
            start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return [b""]
        with answering(
            client_address=said.get("client"),
            access_key_id=said.get("access_key_id"),
            trace_header=environ.get("HTTP_X_AMZN_TRACE_ID"),
            query=environ.get("QUERY_STRING", ""),
            is_of_node=not said,
        ) as request:

            def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
                """S3's events name the request that they come from."""
                if said.get("service") == "s3":
                    headers = [(name, value) for name, value in headers if name.lower() not in _S3_IDS]
                    headers += [(_S3_ID, request.request_id), ("x-amz-id-2", request.host_id)]
                return start_response(status, headers, *rest)

            return self._application(environ, start)
