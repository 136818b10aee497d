"""Smithy's RPC v2 CBOR protocol: the operation in the path, parameters and answers as CBOR.

Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html. Imported with the first request that speaks it.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import cbor2

from alonzo.aws.api_error import ApiError, serialization_error
from alonzo.aws.query_protocol import error_status, query_error_code
from alonzo.aws.requests import Headers, Response
from alonzo.aws.service_description import Operation, Shape
from alonzo.aws.service_model import ServiceModel

_EPOCH_TAG = 1
_DEPTH_MAX = 64
CBOR_PATH = re.compile(r"/service/([A-Za-z0-9_]{1,128})/operation/([A-Za-z0-9_]{1,128})")
_HEADERS: Headers = [(b"content-type", b"application/cbor"), (b"smithy-protocol", b"rpc-v2-cbor")]


def decode_cbor_object(body: bytes) -> dict[str, Any]:
    """The map in a body, with times as seconds since the epoch, as JSON protocols have them; an empty body is an empty one."""
    if not body:
        return {}
    try:
        content = _plain(cbor2.loads(body), _DEPTH_MAX)
    except (cbor2.CBORDecodeError, RecursionError, ValueError, OverflowError, TypeError) as error:
        raise serialization_error(f"Could not parse request body into CBOR: {error}") from error
    if not isinstance(content, dict):
        raise serialization_error("Unexpected token received from parser")
    return content


def serialize_as_cbor(model: ServiceModel, operation: Operation, result: Mapping[str, Any]) -> Response:
    """The response of a successful operation."""
    content = {} if operation.output is None else _structure(model, model.shape(operation.output.shape), result)
    return Response(status=200, headers=list(_HEADERS), body=cbor2.dumps(content))


def serialize_error_as_cbor(model: ServiceModel, error: ApiError, *, namespace: str) -> Response:
    """The response of an error. `namespace`: of the service's Smithy model."""
    fault = "Sender" if error.fault == "User" else "Receiver"
    headers = [*_HEADERS, (b"x-amzn-query-error", f"{query_error_code(model, error)};{fault}".encode())]
    body = cbor2.dumps({"__type": f"{namespace}#{error.code}", "message": error.message})
    return Response(status=error_status(model, error), headers=headers, body=body)


def _plain(value: Any, depth: int) -> Any:
    if depth == 0:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        return {str(key): _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth - 1) for item in value]
    if isinstance(value, datetime):
        return value.timestamp()
    if value is None or isinstance(value, str | bytes | bool | int | float):
        return value
    raise ValueError(f"a value of the type {type(value).__name__} is not expected")


def _structure(model: ServiceModel, shape: Shape, content: Mapping[str, Any]) -> dict[str, Any]:
    members = {}
    for name, member in shape.members.items():
        value = content.get(name)
        if value is not None:
            members[member.location_name or name] = _value(model, model.shape(member.shape), value)
    return members


def _value(model: ServiceModel, shape: Shape, value: Any) -> Any:
    if shape.type == "structure":
        return _structure(model, shape, value)
    if shape.type == "list":
        assert shape.member is not None
        element = model.shape(shape.member.shape)
        return [_value(model, element, item) for item in value]
    if shape.type == "map":
        assert shape.value is not None
        element = model.shape(shape.value.shape)
        return {key: _value(model, element, item) for key, item in value.items()}
    if shape.type == "timestamp":
        return cbor2.CBORTag(_EPOCH_TAG, value.timestamp())
    return float(value) if shape.type in {"double", "float"} else value
