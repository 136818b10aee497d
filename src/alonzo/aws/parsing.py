"""Requests to parameters: what an operation's input shape says about path, query, headers and body.

The result is a dictionary with botocore's member names and Python's types (blobs are bytes, timestamps aware datetimes); members that
are absent or null are left out, unknown ones are ignored, as AWS does. Nothing is validated here but what the protocol itself asks for.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from alonzo.aws.api_error import serialization_error
from alonzo.aws.query_string import query_items
from alonzo.aws.requests import Request
from alonzo.aws.routing import Route
from alonzo.aws.scalars import scalar_from_json, scalar_from_text
from alonzo.aws.service_description import Shape, ShapeReference
from alonzo.aws.service_model import ServiceModel

Parameters = dict[str, Any]

_TIMESTAMP_FORMATS = {"querystring": "iso8601", "uri": "iso8601", "header": "rfc822"}
"""Source: botocore's `serialize.py`, `Serializer.TIMESTAMP_FORMAT` and `BaseRestSerializer`."""


def parse(model: ServiceModel, route: Route, request: Request) -> Parameters:
    """The parameters of a request; ApiError `SerializationException` when it is not in the form of the protocol."""
    reference = route.operation.input
    if reference is None:
        return {}
    shape = model.shape(reference.shape)
    if not model.speaks_rest_json:
        return _structure(model, shape, decode_json_object(request.body))
    parameters = _from_uri_and_headers(model, shape, route.labels, request)
    parameters.update(_from_body(model, shape, request.body))
    return parameters


def parse_content(model: ServiceModel, route: Route, content: dict[str, Any]) -> Parameters:
    """The parameters in a decoded body, of a protocol that has all of them there; else as `parse`."""
    reference = route.operation.input
    return {} if reference is None else _structure(model, model.shape(reference.shape), content)


def decode_json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty body is an empty object."""
    if not body or body.isspace():
        return {}
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise serialization_error(f"Could not parse request body into json: {error}") from error
    if isinstance(content, dict):
        return content
    if isinstance(content, list):
        raise serialization_error("Start of list found where not expected")
    raise serialization_error("Unexpected token received from parser")


def _from_uri_and_headers(model: ServiceModel, shape: Shape, labels: Mapping[str, str], request: Request) -> Parameters:
    query = query_items(request.query_string) if request.query_string else []
    parameters: Parameters = {}
    for name, member in shape.members.items():
        wire_name = member.location_name or name
        match member.location:
            case "uri":
                texts = [labels[wire_name]]
            case "querystring":
                texts = [value for key, value in query if key == wire_name]
            case "header":
                found = request.find_header(wire_name.lower().encode())
                texts = [] if found is None else [found]
            case _:
                continue
        if texts:
            parameters[name] = _from_texts(model, member, texts)
    return parameters


def _from_texts(model: ServiceModel, member: ShapeReference, texts: list[str]) -> Any:
    """A repeated query parameter is a list; of one that should not be repeated the first counts."""
    shape = model.shape(member.shape)
    timestamp_format = shape.timestamp_format or _TIMESTAMP_FORMATS[member.location or "querystring"]
    if shape.member is not None:
        kind = model.shape(shape.member.shape).type
        return [scalar_from_text(kind, text, timestamp_format=timestamp_format) for text in texts]
    return scalar_from_text(shape.type, texts[0], timestamp_format=timestamp_format)


def _from_body(model: ServiceModel, shape: Shape, body: bytes) -> Parameters:
    if shape.payload is None:
        has_body_members = any(member.location is None for member in shape.members.values())
        return _structure(model, shape, decode_json_object(body)) if has_body_members else {}
    payload = model.shape(shape.members[shape.payload].shape)
    if payload.type == "blob":
        return {shape.payload: body} if body else {}
    if not body:
        return {}
    return {shape.payload: _structure(model, payload, decode_json_object(body))}


def _structure(model: ServiceModel, shape: Shape, content: dict[str, Any]) -> Parameters:
    parameters = {}
    for name, member in shape.members.items():
        if member.location is not None:
            continue
        value = content.get(member.location_name or name)
        if value is not None:
            parameters[name] = _value(model, model.shape(member.shape), value)
    return parameters


def _value(model: ServiceModel, shape: Shape, value: Any) -> Any:
    if shape.type == "structure":
        if not isinstance(value, dict):
            raise serialization_error("Expected structure or null")
        return _structure(model, shape, value)
    if shape.type == "list":
        return _list(model, shape, value)
    if shape.type == "map":
        return _map(model, shape, value)
    return scalar_from_json(shape.type, value)


def _list(model: ServiceModel, shape: Shape, value: Any) -> list[Any]:
    """Nulls are kept: whether an element may be null is for the validation to say."""
    if not isinstance(value, list):
        raise serialization_error("Expected list or null")
    assert shape.member is not None
    element = model.shape(shape.member.shape)
    return [None if item is None else _value(model, element, item) for item in value]


def _map(model: ServiceModel, shape: Shape, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise serialization_error("Expected map or null")
    assert shape.value is not None
    element = model.shape(shape.value.shape)
    return {key: None if item is None else _value(model, element, item) for key, item in value.items()}
