"""Where a request to a load balancer leads: which one, and to which listener if that is said.

NAME-ID.us-east-1.elb.localhost:4566/path      the DNS name of the load balancer, at this server's port
127.0.0.1:4566/_aws/elb/NAME/path              for tools that cannot resolve it; NAME:PORT for a listener of another port
"""

import re
from typing import NamedTuple

HOST_LABEL = b"elb"
PATH_PREFIX = b"/_aws/elb/"

_HOST = re.compile(
    rb"(?:[^.]+\.)*?(?P<label>[A-Za-z0-9-]+)(?:\.[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2})?\.elb\.[A-Za-z0-9.-]+(?::(?P<port>[0-9]{1,5}))?"
)
_PATH = re.compile(rb"/_aws/elb/(?P<label>[A-Za-z0-9-]{1,128})(?::(?P<port>[0-9]{1,5}))?(?P<rest>/.*)?", re.DOTALL)


class BalancerPlace(NamedTuple):
    """`label`: the load balancer's name, or the first label of its DNS name."""

    label: str
    port: int | None
    path: bytes


def find_place(host: bytes, path: bytes) -> BalancerPlace | None:
    """None: the request is for no load balancer."""
    match = _PATH.fullmatch(path) if path.startswith(PATH_PREFIX) else None
    if match is not None:
        return BalancerPlace(match["label"].decode(), _port(match["port"]), match["rest"] or b"/")
    match = _HOST.fullmatch(host)
    return None if match is None else BalancerPlace(match["label"].decode().lower(), _port(match["port"]), path)


def _port(text: bytes | None) -> int | None:
    return None if text is None else int(text)
