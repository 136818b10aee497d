"""Reads where the other AWS services are: from the option of `alonzo up` and from boto's own variables.

Of boto's variables those that name a service count, and win over the option's URL for all. `AWS_ENDPOINT_URL` does not: where Alonzo runs
it usually leads to Alonzo. Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html.
"""

import re
from collections.abc import Mapping, Sequence

from alonzo.aws.client.endpoints import COMPANION, AwsEndpoints, is_endpoint
from alonzo.errors import SetupError

_PREFIX = "AWS_ENDPOINT_URL_"
_CA_BUNDLE = "AWS_CA_BUNDLE"
_IGNORE = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
_ONE_SERVICE = re.compile(r"([a-z][a-z0-9_-]*)=(.*)")


def read_aws_endpoints(given: Sequence[str], variables: Mapping[str, str], *, companion: bool) -> AwsEndpoints:
    """`given`: URLs for all services and `service=URL` for one; the last of each counts. SetupError for what is neither.

    `companion`: services without an endpoint of their own are those that come with Alonzo.
    """
    default = COMPANION if companion else None
    services: dict[str, str] = {}
    if variables.get(_IGNORE, "").lower() != "true":
        services |= {
            name.removeprefix(_PREFIX).lower(): _checked(value, name)
            for name, value in variables.items()
            if name.startswith(_PREFIX) and value
        }
    for each in given:
        match = _ONE_SERVICE.fullmatch(each)
        if match is not None:
            services[match[1]] = _checked(match[2], "--aws-endpoint-url")
        else:
            default = _checked(each, "--aws-endpoint-url")
    return AwsEndpoints(default, services, variables.get(_CA_BUNDLE))


def _checked(endpoint: str, source: str) -> str:
    if not is_endpoint(endpoint):
        raise SetupError(
            f"{source}: {endpoint!r} is no endpoint. Give a URL (http://127.0.0.1:5000), sqs=URL for one service, or aws for AWS."
        )
    return endpoint.rstrip("/")
