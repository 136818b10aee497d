"""Requests of function URLs as events: payload format 2.0, whatever the function answers in.

Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads.
"""

from typing import Any

from alonzo.aws.identity import account_of
from alonzo.edge.function_urls.signatures import Signer
from alonzo.edge.http_events.payload_v2 import http_context, payload_v2, request_time
from alonzo.edge.http_events.request import HttpRequest
from alonzo.model.function_url import FunctionUrl

_SIGNATURE_HEADERS = frozenset({b"authorization"})
_NOTHING: frozenset[bytes] = frozenset()


def url_event(
    url: FunctionUrl,
    request: HttpRequest,
    *,
    path: str,
    domain_name: str,
    signer: Signer | None,
    request_id: str,
    trace_header: str,
    unix_ms: int,
) -> dict[str, Any]:
    """`path`: within the URL, percent-encoded as it came. The signature of a signed request is not passed on."""
    context: dict[str, Any] = {
        "accountId": "anonymous" if signer is None else account_of(signer.access_key_id),
        "apiId": url.url_id,
        "domainName": domain_name,
        "domainPrefix": url.url_id,
        "http": http_context(request, path),
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": request_time(unix_ms),
        "timeEpoch": unix_ms,
    }
    if signer is not None:
        context["authorizer"] = {"iam": _identity(url, signer)}
    drop = _NOTHING if signer is None else _SIGNATURE_HEADERS
    event = payload_v2(request, context=context, raw_path=path, drop_headers=drop, keeps_cookie_header=True)
    event["headers"].setdefault("x-amzn-trace-id", trace_header.partition(";")[0])
    return event


def _identity(url: FunctionUrl, signer: Signer) -> dict[str, Any]:
    """Keys name accounts here, and nobody in particular of them: the account's root."""
    account_id = account_of(signer.access_key_id)
    return {
        "accessKey": signer.access_key_id,
        "accountId": account_id,
        "callerId": account_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:{url.scope.partition}:iam::{account_id}:root",
        "userId": account_id,
    }
