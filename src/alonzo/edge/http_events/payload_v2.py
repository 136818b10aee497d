"""Events in payload format 2.0: of function URLs and HTTP APIs.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html and
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads.
"""

import time
from functools import lru_cache
from typing import Any

from alonzo.edge.http_events.bodies import event_body
from alonzo.edge.http_events.request import HttpRequest, joined

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def payload_v2(
    request: HttpRequest,
    *,
    context: dict[str, Any],
    raw_path: str,
    route_key: str = "$default",
    drop_headers: frozenset[bytes] = frozenset(),
    keeps_cookie_header: bool = False,
) -> dict[str, Any]:
    """The event without what only some doors put in (`pathParameters`, `stageVariables`). `TooManyParameters`.

    `context` is the `requestContext`; `keeps_cookie_header`: function URLs leave the header where it is, beside `cookies`.
    """
    headers = request.joined_headers(drop=drop_headers)
    has_cookies = "cookie" in headers
    if has_cookies and not keeps_cookie_header:
        del headers["cookie"]
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": raw_path,
        "rawQueryString": request.query.decode("latin-1"),
    }
    if has_cookies:
        lines = [value.decode("latin-1") for name, value in request.headers if name == b"cookie"]
        cookies = [cookie for line in lines for cookie in line.split("; ") if cookie]
        if cookies:
            event["cookies"] = cookies
    event["headers"] = headers
    if request.query:
        parameters = joined(request.parameters())
        if parameters:
            event["queryStringParameters"] = parameters
    event["requestContext"] = context
    if request.body:
        event["body"], event["isBase64Encoded"] = event_body(
            request.body, content_type=request.find_header(b"content-type"), content_encoding=request.find_header(b"content-encoding")
        )
    else:
        event["isBase64Encoded"] = False
    return event


def http_context(request: HttpRequest, path: str) -> dict[str, Any]:
    """`requestContext.http`."""
    return {
        "method": request.method,
        "path": path,
        "protocol": request.protocol,
        "sourceIp": request.source_ip,
        "userAgent": request.find_header(b"user-agent") or "",
    }


def request_time(unix_ms: int) -> str:
    """As in access logs, which is how AWS writes it: 12/Mar/2020:19:03:58 +0000."""
    return _written(unix_ms // 1_000)


@lru_cache(maxsize=4)
def _written(unix_seconds: int) -> str:
    """Requests of one second share it."""
    at = time.gmtime(unix_seconds)
    return f"{at.tm_mday:02d}/{_MONTHS[at.tm_mon - 1]}/{at.tm_year}:{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d} +0000"
