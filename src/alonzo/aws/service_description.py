"""The part of botocore's `service-2.json` that we read, decoded straight into structures.

Documentation and everything else unknown here is skipped while decoding. Measured for `lambda` (516 KB of JSON, 91 operations): 7 ms;
botocore's own `ServiceModel` costs 150 ms of imports and builds its shapes again for each use.
"""

import msgspec


class ShapeReference(msgspec.Struct, frozen=True, rename="camel"):
    """A use of a shape: an element of a list, a member of a structure and where in the message it travels."""

    shape: str
    location: str | None = None
    location_name: str | None = None
    result_wrapper: str | None = None


class ErrorTrait(msgspec.Struct, frozen=True, rename="camel"):
    """How an exception shape is answered."""

    code: str | None = None
    """What it is called in the query protocol, if not as the shape."""
    http_status_code: int = 400
    sender_fault: bool = False


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    """One type of the model. Which of the fields say something depends on `type`."""

    type: str
    members: dict[str, ShapeReference] = {}
    required: tuple[str, ...] = ()
    member: ShapeReference | None = None
    key: ShapeReference | None = None
    value: ShapeReference | None = None
    min: int | float | None = None
    max: int | float | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    payload: str | None = None
    sensitive: bool = False
    eventstream: bool = False
    exception: bool = False
    timestamp_format: str | None = None
    error: ErrorTrait = ErrorTrait()


class HttpBinding(msgspec.Struct, frozen=True, rename="camel"):
    """Method and path of an operation, and the status of its success."""

    method: str
    request_uri: str
    response_code: int = 200


class Operation(msgspec.Struct, frozen=True, rename="camel"):
    """One operation of a service."""

    name: str
    http: HttpBinding
    input: ShapeReference | None = None
    output: ShapeReference | None = None


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """Which protocol the service speaks and by which names it is called."""

    protocol: str
    service_id: str
    service_full_name: str
    endpoint_prefix: str
    api_version: str
    signing_name: str | None = None
    target_prefix: str | None = None
    json_version: str | None = None
    xml_namespace: str | None = None


class ServiceDescription(msgspec.Struct, frozen=True, rename="camel"):
    """A whole `service-2.json`."""

    metadata: Metadata
    operations: dict[str, Operation]
    shapes: dict[str, Shape]
