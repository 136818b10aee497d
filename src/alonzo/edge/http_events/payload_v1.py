"""Events in payload format 1.0: of REST APIs and of HTTP APIs that ask for it; load balancers' are a part of it.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
"""

from collections.abc import Callable, Iterable
from typing import Any

from alonzo.edge.http_events.bodies import event_body
from alonzo.edge.http_events.request import HttpRequest


def payload_v1(
    request: HttpRequest,
    *,
    context: dict[str, Any],
    resource: str,
    path: str,
    path_parameters: dict[str, str] | None = None,
    stage_variables: dict[str, str] | None = None,
    drop_headers: frozenset[bytes] = frozenset(),
    name_of_header: Callable[[str], str] | None = None,
    is_binary: bool | None = None,
) -> dict[str, Any]:
    """The event as REST APIs have it; HTTP APIs add `version`. What is not there is null, as on AWS. `TooManyParameters`.

    `name_of_header`: how the door writes names that HTTP knows in any case. `is_binary`: whether it takes the body for binary, whatever
    its type.
    """
    pairs = request.forwarded_headers(drop=drop_headers)
    if name_of_header is not None:
        pairs = [(name_of_header(name), value) for name, value in pairs]
    headers, multi_headers = single_and_multi(pairs)
    parameters, multi_parameters = single_and_multi(request.parameters())
    event: dict[str, Any] = {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": multi_headers,
        "queryStringParameters": parameters or None,
        "multiValueQueryStringParameters": multi_parameters or None,
        "pathParameters": path_parameters or None,
        "stageVariables": stage_variables or None,
        "requestContext": context,
        "body": None,
        "isBase64Encoded": False,
    }
    if request.body:
        event["body"], event["isBase64Encoded"] = event_body(
            request.body,
            content_type=request.find_header(b"content-type"),
            content_encoding=request.find_header(b"content-encoding"),
            is_binary=is_binary,
        )
    return event


def single_and_multi(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Names with their last value, and names with all of them."""
    single: dict[str, str] = {}
    multi: dict[str, list[str]] = {}
    for name, value in pairs:
        single[name] = value
        multi.setdefault(name, []).append(value)
    return single, multi
