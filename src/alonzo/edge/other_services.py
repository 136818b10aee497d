"""Which requests are for a service that is not ours, and whose: as AWS's clients say it, signed in a header or a query, or not at all.

S3 is special: its clients also put the bucket into the host name, sign links in the way of before 2014 (SigV2), and read public objects
without signing anything. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import ANONYMOUS, Caller, CallerDirectory, account_of
from alonzo.aws.requests import Headers, Request
from alonzo.aws.service_model import ServiceModels
from alonzo.aws.services import service_of
from alonzo.edge.asgi import AsgiScope
from alonzo.model.scope import DEFAULT_REGION

_BUCKET_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.)?(?P<rest>s3(?:[.-][a-z0-9-]+)*\.[a-z0-9.-]+)(?P<port>:[0-9]+)?"
)
_BUCKET_BEFORE_OUR_HOST = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.(?P<rest>localhost(?:\.localstack\.cloud)?)(?P<port>:[0-9]+)?"
)
_BUCKET_PATH = re.compile(r"/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/.*)?", re.DOTALL)
_SIGV2_HEADER = re.compile(r"AWS ([^:\s]{1,256}):\S+")
_SIGV2_QUERY = re.compile(r"(?:^|&)AWSAccessKeyId=([^&]*)")
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherRequest:
    """A request for another service. `service`: its signing name (`s3`, `events`), as far as the request tells.

    `bucket`: the one that the host names, `host`: what is left of the host then.
    """

    service: str
    account_id: str
    region: str
    access_key_id: str | None
    bucket: str | None = None
    host: str | None = None


class EveryOperation:
    """Of a service that is ours altogether, with what it does not have."""

    def __contains__(self, name: object) -> bool:
        return True


EVERY_OPERATION: Container[str] = EveryOperation()


class OtherServices:
    """Tells their requests from those for operations of our `own`, by the signing names of services."""

    def __init__(self, *, own: Mapping[str, Container[str]], models: ServiceModels, callers: CallerDirectory) -> None:
        self._own = own
        self._models = models
        self._callers = callers

    def find(self, scope: AsgiScope) -> OtherRequest | None:
        """None for a request that we answer ourselves, if only by refusing it."""
        headers: Headers = scope["headers"]
        try:
            caller = self._callers.caller_of(headers, scope["query_string"])
        except ApiError:
            return None
        if caller.service is not None and caller.service != "s3":
            return None if self._is_own(caller.service, scope) else _request_of(caller, caller.service)
        request = _bodiless(scope)
        if caller.service == "s3":
            return _to_bucket(_request_of(caller, "s3"), request)
        access_key_id = _sigv2_key(request)
        if access_key_id is not None:
            signed = OtherRequest(service="s3", account_id=account_of(access_key_id), region=DEFAULT_REGION, access_key_id=access_key_id)
            return _to_bucket(signed, request)
        return self._find_unsigned(request, scope)

    def _find_unsigned(self, request: Request, scope: AsgiScope) -> OtherRequest | None:
        if _BUCKET_HOST.fullmatch(_host_of(request)) is not None:
            return _to_bucket(_request_of(ANONYMOUS, "s3"), request)
        service = service_of(self._models, ANONYMOUS, request)
        if service is not None and self._is_own(service, scope):
            return None
        if service is not None:
            return _request_of(ANONYMOUS, service)
        if request.method == "POST" and (request.find_header(b"content-type") or "").startswith(_FORM):
            return _request_of(ANONYMOUS, "sts")  # AssumeRoleWithWebIdentity and the like: all other calls of this kind are signed
        if _BUCKET_PATH.fullmatch(request.path) is not None:
            return _request_of(ANONYMOUS, "s3")
        return None

    def _is_own(self, service: str, scope: AsgiScope) -> bool:
        operations = self._own.get(service)
        if operations is None or operations is EVERY_OPERATION:
            return operations is not None
        request = _bodiless(scope)
        route = self._models.get(service).find_route(
            method=request.method, path=request.path, query_string=request.query_string, target=request.find_header(b"x-amz-target")
        )
        return route is not None and route.operation.name in operations


def _bodiless(scope: AsgiScope) -> Request:
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query_string=scope["query_string"].decode("latin-1"),
        headers=scope["headers"],
        body=b"",
    )


def _request_of(caller: Caller, service: str) -> OtherRequest:
    return OtherRequest(service=service, account_id=caller.scope.account_id, region=caller.scope.region, access_key_id=caller.access_key_id)


def _to_bucket(found: OtherRequest, request: Request) -> OtherRequest:
    host = _host_of(request)
    match = _BUCKET_HOST.fullmatch(host) or _BUCKET_BEFORE_OUR_HOST.fullmatch(host)
    if match is None or match["bucket"] is None or match["bucket"] == "s3":
        return found
    return OtherRequest(
        service="s3",
        account_id=found.account_id,
        region=found.region,
        access_key_id=found.access_key_id,
        bucket=match["bucket"],
        host=match["rest"] + (match["port"] or ""),
    )


def _sigv2_key(request: Request) -> str | None:
    found = _SIGV2_HEADER.fullmatch(request.find_header(b"authorization") or "") or _SIGV2_QUERY.search(request.query_string)
    return None if found is None else unquote(found[1])


def _host_of(request: Request) -> str:
    return (request.find_header(b"host") or "").lower()
