"""An HTTP request as functions' own addresses see it: whole, as it came, no server behind it."""

from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl

import msgspec

from alonzo.aws.requests import Headers
from alonzo.edge.asgi import Answer, AsgiScope

QUERY_PARAMETERS_MAX = 2_000
"""Ours; it bounds the work that a hostile request can ask for. 64 KB of request line hold many more."""

_DEFAULT_PORTS = {"http": "80", "https": "443"}


class TooManyParameters(ValueError):
    """The query has more parameters than anybody reads."""


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request. `path` and `query` are still percent-encoded; header names in lower case, in the order of arrival.

    `scheme` is `http` or `https`; `source_ip` the client's end of the connection. `answer_early` lets the client have its answer while what
    answers the request goes on, whose own answer then counts no more; None: it is not to be had so.
    """

    method: str
    path: bytes
    query: bytes
    headers: Headers
    body: bytes
    source_ip: str
    scheme: str
    protocol: str = "HTTP/1.1"
    answer_early: Callable[[Answer], None] | None = None

    def find_header(self, name: bytes) -> str | None:
        """The first header of that (lower-case) name; bytes beyond ASCII are read as ISO 8859-1, as HTTP has them."""
        for candidate, value in self.headers:
            if candidate == name:
                return value.decode("latin-1")
        return None

    @property
    def host(self) -> str:
        """What the client calls this server: name and port as it wrote them."""
        return self.find_header(b"host") or ""

    @property
    def host_name(self) -> str:
        """Without the port."""
        return without_port(self.host)

    def parameters(self) -> list[tuple[str, str]]:
        """The query, decoded, in its order; parameters without a value have an empty one. `TooManyParameters`."""
        if not self.query:
            return []
        try:
            return parse_qsl(self.query.decode("latin-1"), keep_blank_values=True, max_num_fields=QUERY_PARAMETERS_MAX)
        except ValueError as error:
            raise TooManyParameters(str(error)) from error

    def forwarded_headers(self, *, drop: frozenset[bytes] = frozenset()) -> list[tuple[str, str]]:
        """The headers as functions get them: with those that AWS's front ends add, without `drop`.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
        """
        headers: list[tuple[str, str]] = []
        forwarded_for = self.source_ip
        for name, value in self.headers:
            if name == b"x-forwarded-for":
                forwarded_for = f"{value.decode('latin-1')}, {self.source_ip}"
            elif name not in _FORWARDED and name not in drop:
                headers.append((name.decode("latin-1"), value.decode("latin-1")))
        port = _port_of(self.host, self.scheme)
        headers += (("x-forwarded-for", forwarded_for), ("x-forwarded-port", port), ("x-forwarded-proto", self.scheme))
        return headers

    def joined_headers(self, *, drop: frozenset[bytes] = frozenset()) -> dict[str, str]:
        """`forwarded_headers`, each name with all its values, between commas."""
        headers: dict[str, str] = {}
        count = 0
        for name, value in self.headers:
            if name in _FORWARDED or name in drop:
                if name == b"x-forwarded-for":
                    return joined(self.forwarded_headers(drop=drop))
                continue
            headers[name.decode("latin-1")] = value.decode("latin-1")
            count += 1
        if len(headers) < count:
            return joined(self.forwarded_headers(drop=drop))  # seldom: a name has come twice
        headers["x-forwarded-for"] = self.source_ip
        headers["x-forwarded-port"] = _port_of(headers.get("host") or self.host, self.scheme)
        headers["x-forwarded-proto"] = self.scheme
        return headers


_FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-port", b"x-forwarded-proto"})


def request_of(scope: AsgiScope, body: bytes) -> HttpRequest:
    """A request that came through ASGI, its body read."""
    client = scope["client"]
    return HttpRequest(
        method=scope["method"],
        path=scope["raw_path"],
        query=scope["query_string"],
        headers=scope["headers"],
        body=body,
        source_ip=client[0] if client else "127.0.0.1",
        scheme="https" if scope["scheme"] in {"https", "wss"} else "http",
        protocol=f"HTTP/{scope['http_version']}",
    )


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names with all their values, between commas."""
    first: dict[str, str] = {}
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in first:
            first[name] = value
        elif name in several:
            several[name].append(value)
        else:
            several[name] = [first[name], value]
    for name, values in several.items():
        first[name] = ",".join(values)
    return first


def _port_of(host: str, scheme: str) -> str:
    _, colon, port = host.rpartition(":")
    return port if colon and port.isdecimal() else _DEFAULT_PORTS[scheme]


def without_port(host: str) -> str:
    """A host name out of a `Host` header."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host
