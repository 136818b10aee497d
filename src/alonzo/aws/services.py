"""Which service a request is for, found as AWS's clients say it: the signature's scope, `X-Amz-Target`, the host, the path."""

import re

from alonzo.aws.identity import Caller
from alonzo.aws.requests import Request
from alonzo.aws.service_model import ServiceModels

_TARGET_PREFIXES = {"Logs_20140328": "logs", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101": "cloudtrail"}
_SERVICE_HOST = re.compile(r"([a-z0-9-]+)\.(?:[a-z0-9-]+\.)*(?:amazonaws\.com(?:\.cn)?|localhost\.localstack\.cloud|localhost)(?::[0-9]+)?")
_DATED_PATH = re.compile(r"/20[0-9]{2}-[0-9]{2}-[0-9]{2}/")


def service_of(models: ServiceModels, caller: Caller, request: Request) -> str | None:
    """The signing name of the service (`lambda`, `logs`, `s3`, …); None when nothing in the request tells."""
    if caller.service is not None:
        return caller.service
    target = request.find_header(b"x-amz-target")
    if target is not None:
        prefix = target.rpartition(".")[0]
        return _TARGET_PREFIXES.get(prefix, prefix or target)
    host = _SERVICE_HOST.fullmatch((request.find_header(b"host") or "").lower())
    if host is not None and models.find(host[1]) is not None:
        return host[1]
    if _DATED_PATH.match(request.path):
        return "lambda"
    return host[1] if host is not None else None


def expects_xml(models: ServiceModels, caller: Caller, request: Request) -> bool:
    """Whether a client speaks to a service that we do not read in a protocol other than JSON, and so cannot read a JSON error."""
    if caller.service is None or models.find(caller.service) is not None:
        return False
    return request.find_header(b"x-amz-target") is None and "json" not in (request.find_header(b"content-type") or "")
