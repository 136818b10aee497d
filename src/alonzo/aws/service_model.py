"""Services as botocore's models describe them, read at run time: a newer botocore brings new operations and shapes without new code.

botocore itself is not imported: only its data files are read, where the import system finds the package.
"""

import functools
import gzip
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

import msgspec

from alonzo.aws.java_patterns import compile_java_pattern
from alonzo.aws.routing import Route, RouteTable
from alonzo.aws.service_description import Operation, ServiceDescription, Shape

MODELLED_SERVICES = ("lambda", "logs", "monitoring", "xray", "cloudtrail")
"""The services whose requests we read, by their signing names; all others are answered as not implemented."""

_DIRECTORIES = MappingProxyType({"monitoring": "cloudwatch"})
"""Where botocore has a model, if not under the signing name."""


class ServiceModel:
    """One service: its operations, how requests find them, its shapes."""

    def __init__(self, *, service: str, description: ServiceDescription) -> None:
        self.service = service
        self.metadata = description.metadata
        self.operations = description.operations
        self._shapes = description.shapes
        self._routes = RouteTable(description.operations.values()) if self.speaks_rest_json else None
        self.pattern = functools.cache(compile_java_pattern)

    @property
    def speaks_rest_json(self) -> bool:
        """True: operations are found by method and path; False: by `X-Amz-Target` (JSON 1.0 and 1.1)."""
        return self.metadata.protocol == "rest-json"

    def operation(self, name: str) -> Operation:
        """The operation of that name; KeyError for a name that the model does not have."""
        return self.operations[name]

    def shape(self, name: str) -> Shape:
        """The shape of that name; KeyError for a name that the model does not have."""
        return self._shapes[name]

    def shape_names(self) -> Iterable[str]:
        return self._shapes.keys()

    def find_shape(self, name: str) -> Shape | None:
        return self._shapes.get(name)

    def find_route(self, *, method: str, path: str, query_string: str, target: str | None) -> Route | None:
        """The operation that a request means, with the labels of its path; None when the service has no such operation."""
        if self._routes is not None:
            return self._routes.find(method=method, path=path, query_string=query_string)
        if target is None:
            return None
        prefix, _, name = target.rpartition(".")
        operation = self.operations.get(name) if prefix == self.metadata.target_prefix else None
        return None if operation is None else Route(operation=operation, labels={})


class ServiceModels:
    """The models, each read when first asked for (about 10 ms) and kept."""

    def __init__(self, *, data_directory: Path | None = None) -> None:
        self._data_directory = data_directory or botocore_data_directory()
        self._loaded: dict[str, ServiceModel] = {}

    def find(self, service: str) -> ServiceModel | None:
        """The model of a service by its signing name, None for those that we do not read."""
        model = self._loaded.get(service)
        if model is None and service in MODELLED_SERVICES:
            model = self._loaded[service] = load_service_model(service, data_directory=self._data_directory)
        return model

    def get(self, service: str) -> ServiceModel:
        """The model of one of `MODELLED_SERVICES`; LookupError for any other."""
        model = self.find(service)
        if model is None:
            raise LookupError(f"no model of the service {service} is read")
        return model


def load_service_model(service: str, *, data_directory: Path) -> ServiceModel:
    """Read the newest version of a service's model. Source of the layout: botocore's `loaders.py`."""
    versions = sorted(path for path in (data_directory / _DIRECTORIES.get(service, service)).iterdir() if path.is_dir())
    content = _read(versions[-1] / "service-2.json")
    return ServiceModel(service=service, description=msgspec.json.decode(content, type=ServiceDescription))


def botocore_data_directory() -> Path:
    """Where the installed botocore keeps its models."""
    specification = importlib.util.find_spec("botocore")
    if specification is None or specification.origin is None:
        raise LookupError("botocore is not installed")
    return Path(specification.origin).parent / "data"


def _read(path: Path) -> bytes:
    compressed = path.with_name(path.name + ".gz")
    return gzip.decompress(compressed.read_bytes()) if compressed.exists() else path.read_bytes()
