"""What an operation of a service that is not ours is called, by a request for it: for whoever notes what was asked, not to read requests.

Each protocol says it elsewhere: JSON in a header, CBOR in the path, forms in a field `Action`, REST by method and path.
Source: the protocols of botocore's models.
"""

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.aws.routing import RouteTable
from alonzo.aws.service_description import Operation

_DIRECTORIES = {"apigateway": ("apigateway", "apigatewayv2"), "elasticfilesystem": ("efs",), "ses": ("ses", "sesv2")}
"""Where botocore has the models of REST services whose directories are not called as requests are signed."""

_SERVICE = re.compile(r"[a-z0-9-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9_]{1,128}")
_CBOR_PATH = re.compile(r"/service/[^/]{1,128}/operation/([A-Za-z0-9_]{1,128})")
_ACTION = re.compile(r"(?:^|&)Action=([A-Za-z0-9_]{1,128})(?:&|$)")


class _Description(msgspec.Struct, frozen=True):
    """What is read of a model: routes need no shapes."""

    operations: dict[str, Operation]


class OperationNames:
    """One a node. The operations of a REST service are read from its model when first asked for (S3: 15 ms), and kept."""

    def __init__(self, *, data_directory: Path) -> None:
        self._data_directory = data_directory
        self._routes: dict[str, RouteTable] = {}

    def find(self, service: str, *, method: str, path: str, query_string: str) -> str | None:
        """The operation of a REST service that a request means. It may read a file."""
        if _SERVICE.fullmatch(service) is None:
            return None
        for table in self._tables(service):
            try:
                route = table.find(method=method, path=path, query_string=query_string)
            except ApiError:
                return None
            if route is not None:
                return route.operation.name
        return None

    def _tables(self, service: str) -> Iterable[RouteTable]:
        for name in _DIRECTORIES.get(service, (service,)):
            table = self._routes.get(name)
            if table is None:
                table = self._read(name)
            if table is not None:
                self._routes[name] = table
                yield table

    def _read(self, name: str) -> RouteTable | None:
        found = sorted((self._data_directory / name).glob("*/service-2.json.gz"))
        if not found:
            return None
        return RouteTable(msgspec.json.decode(gzip.decompress(found[-1].read_bytes()), type=_Description).operations.values())


def named_operation(*, path: str, query_string: str, target: str | None, form: str) -> str | None:
    """The operation where a request names it; None if it does not, as those of REST services. `form`: how its body begins."""
    if target is not None:
        name = target.rpartition(".")[2]
        return name if _NAME.fullmatch(name) else None
    cbor = _CBOR_PATH.fullmatch(path)
    if cbor is not None:
        return cbor[1]
    action = _ACTION.search(form) or _ACTION.search(query_string)
    return None if action is None else action[1]
