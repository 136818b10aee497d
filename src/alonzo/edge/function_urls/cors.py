"""CORS of function URLs: the URL answers preflights itself, and adds headers to what the function answers to other origins.

A function that sends such headers itself sends them twice then, as on AWS: browsers refuse that.
Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors and https://fetch.spec.whatwg.org/#cors-protocol
"""

from alonzo.edge.http_events.request import HttpRequest
from alonzo.model.function_url import Cors

ResponseHeaders = list[tuple[bytes, bytes]]

_ANYTHING = "*"


def is_preflight(request: HttpRequest) -> bool:
    """Whether a browser asks what it may send."""
    return (
        request.method == "OPTIONS"
        and request.find_header(b"origin") is not None
        and request.find_header(b"access-control-request-method") is not None
    )


def preflight_headers(cors: Cors, request: HttpRequest) -> ResponseHeaders:
    """Of the answer to a preflight. For an origin, or a method, that is not allowed there are none, which is a browser's no."""
    origin = _allowed_origin(cors, request)
    method = request.find_header(b"access-control-request-method") or ""
    if origin is None or not _allows(cors.allow_methods, method):
        return []
    headers = _common(cors, origin)
    headers.append((b"access-control-allow-methods", _listed(cors, cors.allow_methods, asked=method)))
    asked = request.find_header(b"access-control-request-headers")
    if cors.allow_headers and asked is not None:
        headers.append((b"access-control-allow-headers", _listed(cors, cors.allow_headers, asked=asked)))
    if cors.max_age_seconds:
        headers.append((b"access-control-max-age", b"%d" % cors.max_age_seconds))
    return headers


def answer_headers(cors: Cors, request: HttpRequest) -> ResponseHeaders:
    """Of the function's answer."""
    origin = _allowed_origin(cors, request)
    if origin is None:
        return []
    headers = _common(cors, origin)
    if cors.expose_headers:
        headers.append((b"access-control-expose-headers", ",".join(cors.expose_headers).encode("latin-1", "replace")))
    return headers


def _common(cors: Cors, origin: str) -> ResponseHeaders:
    headers = [(b"access-control-allow-origin", origin.encode("latin-1", "replace"))]
    if cors.allow_credentials:
        headers.append((b"access-control-allow-credentials", b"true"))
    if origin != _ANYTHING:
        headers.append((b"vary", b"Origin"))
    return headers


def _allowed_origin(cors: Cors, request: HttpRequest) -> str | None:
    """As it is to be told; with credentials a browser takes no `*`."""
    origin = request.find_header(b"origin")
    if origin is None or not cors.allow_origins:
        return None
    if _ANYTHING in cors.allow_origins:
        return origin if cors.allow_credentials else _ANYTHING
    return origin if origin in cors.allow_origins else None


def _allows(allowed: tuple[str, ...] | None, method: str) -> bool:
    return allowed is not None and (_ANYTHING in allowed or method in allowed)


def _listed(cors: Cors, allowed: tuple[str, ...] | None, *, asked: str) -> bytes:
    values = allowed or ()
    if _ANYTHING in values and cors.allow_credentials:  # where `*` would be a name like any other
        return asked.encode("latin-1", "replace")
    return ",".join(values).encode("latin-1", "replace")
