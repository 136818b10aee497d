"""Where a request to an API leads: which API, which region if that is said, and the path that is left.

ID.execute-api.us-east-1.localhost:4566/STAGE/path             also .localhost.localstack.cloud, .amazonaws.com, without a region
127.0.0.1:4566/_aws/execute-api/ID/STAGE/path                  for tools that cannot resolve such names
127.0.0.1:4566/restapis/ID/STAGE/_user_request_/path           as LocalStack's users know it
"""

import re
from functools import lru_cache
from typing import NamedTuple

_HOST = re.compile(
    rb"(?P<id>[a-z0-9]{1,64})\.execute-api(?:\.(?P<region>[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}))?\.[a-z0-9.-]+(?::[0-9]+)?", re.IGNORECASE
)
HOST_LABEL = b"execute-api"
PATH_PREFIX = b"/_aws/execute-api/"
USER_REQUEST_PREFIX = b"/restapis/"
MANAGEMENT_PREFIX = b"/@connections/"
_PATH = re.compile(rb"/_aws/execute-api/(?P<id>[A-Za-z0-9]{1,64})(?P<rest>/.*)?", re.DOTALL)
_USER_REQUEST = re.compile(rb"/restapis/(?P<id>[A-Za-z0-9]{1,64})/(?P<stage>[^/]+)/_user_request_(?P<rest>/.*)?", re.DOTALL)


_HOSTS_REMEMBERED = 1_024


class ApiPlace(NamedTuple):
    """`path` begins with the stage, where there is one; `base` is what stood before it."""

    api_id: str
    region: str | None
    path: bytes
    base: bytes = b""


def find_place(host: bytes, path: bytes) -> ApiPlace | None:
    """None: the request is for no API."""
    named = _named_by(host)
    if named is not None:
        return ApiPlace(*named, path)
    if path.startswith(PATH_PREFIX):
        match = _PATH.fullmatch(path)
        return match and ApiPlace(match["id"].decode().lower(), None, match["rest"] or b"/", PATH_PREFIX + match["id"])
    match = _USER_REQUEST.fullmatch(path)
    if match is None:
        return None
    rest = b"/" + match["stage"] + (match["rest"] or b"/")
    return ApiPlace(match["id"].decode().lower(), None, rest, b"/restapis/" + match["id"])


@lru_cache(maxsize=_HOSTS_REMEMBERED)
def _named_by(host: bytes) -> tuple[str, str | None] | None:
    """The API, and the region if it is said."""
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    region = match["region"]
    return match["id"].decode().lower(), None if region is None else region.decode().lower()
