"""Where other AWS services are. Nothing is assumed: a service without an endpoint is not called, least of all at AWS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

REAL_AWS = "aws"
"""In place of a URL: AWS itself, with the credentials of this machine."""

COMPANION = "companion"
"""In place of a URL: the services that come with Alonzo, in a process beside the node."""

_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True, slots=True)
class AwsEndpoints:
    """URLs, `REAL_AWS` or `COMPANION`. `of_services` goes by the names of boto's variables in lower case: `s3`, `eventbridge`."""

    default: str | None = None
    """For services without one of their own. None: they are not there."""
    of_services: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ca_bundle: str | None = None
    """A file of certificates that are believed beside the system's."""

    def find(self, service: str) -> str | None:
        """Of a service; None if there is none."""
        return self.of_services.get(service, self.default)


def is_endpoint(text: str) -> bool:
    """Whether this can be an endpoint."""
    if text in {REAL_AWS, COMPANION}:
        return True
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def leads_to_aws(endpoint: str) -> bool:
    """Whether this is AWS itself, which wants real credentials."""
    return endpoint == REAL_AWS or (urlsplit(endpoint).hostname or "").endswith(_AWS_DOMAINS)
