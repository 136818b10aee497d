"""Results and errors to responses, in the protocol of the service.

Source: Smithy's AWS restJson1 and awsJson1_1 protocols, and how Lambda fills its errors: `Type`, and `message` or `Message` as the error's
shape has it.
"""

import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.aws.requests import Headers, Response
from alonzo.aws.scalars import scalar_to_json, scalar_to_text
from alonzo.aws.service_description import Operation, Shape
from alonzo.aws.service_model import ServiceModel

JSON_CONTENT_TYPE = (b"content-type", b"application/json")
NO_CONTENT = 204

_ANY_MESSAGE_MEMBER = {"AccessDeniedException": "Message"}
"""For errors that are no shapes of the service (AWS's front door answers them): all others say `message`."""
_NOT_IN_A_HEADER = re.compile(rb"[^\t\x20-\x7e\x80-\xff]")


def serialize(model: ServiceModel, operation: Operation, result: Mapping[str, Any]) -> Response:
    """The response of a successful operation. Members of None are left out; ValueError for one that the output does not have."""
    shape = Shape(type="structure") if operation.output is None else model.shape(operation.output.shape)
    unknown = result.keys() - shape.members.keys()
    if unknown:
        raise ValueError(f"{operation.name} has no output members {sorted(unknown)}")
    if not model.speaks_rest_json:
        return Response(status=200, headers=[_json_content_type(model)], body=msgspec.json.encode(_structure(model, shape, result)))
    status, headers = _status_and_headers(model, shape, result, operation.http.response_code)
    if status == NO_CONTENT:
        return Response(status=status, headers=headers)
    if shape.payload is not None and model.shape(shape.members[shape.payload].shape).type == "blob":
        return Response(status=status, headers=headers, body=result.get(shape.payload) or b"")
    if shape.payload is not None:
        content = _value(model, shape.members[shape.payload].shape, result.get(shape.payload) or {})
    else:
        content = _structure(model, shape, result)
    return Response(status=status, headers=[*headers, JSON_CONTENT_TYPE], body=msgspec.json.encode(content))


def serialize_error(model: ServiceModel | None, error: ApiError) -> Response:
    """The response of an error; without a model (a service that we do not know) in a form that every JSON protocol reads."""
    shape = None if model is None else model.find_shape(error.code)
    headers: Headers
    content: dict[str, Any]
    if shape is None or not shape.exception:
        content = {_ANY_MESSAGE_MEMBER.get(error.code, "message"): error.message}
        status, headers = error.http_status or 400, []
    else:
        assert model is not None
        modelled = {name: value for name, value in _modelled_members(shape, error).items() if name in shape.members}
        status, headers = _status_and_headers(model, shape, modelled, error.http_status or shape.error.http_status_code)
        content = _structure(model, shape, modelled)
        content.setdefault(_message_member(shape), error.message)
    if model is not None and model.speaks_rest_json:
        headers.append(JSON_CONTENT_TYPE)
    else:
        content["__type"] = error.code
        headers.append(JSON_CONTENT_TYPE if model is None else _json_content_type(model))
    headers.append((b"x-amzn-errortype", header_value(error.code)))
    return Response(status=status, headers=headers, body=msgspec.json.encode(content))


def serialize_error_as_xml(error: ApiError, *, request_id: str) -> Response:
    """The response of an error to a client of one of AWS's XML protocols; those of REST-JSON find the code in the header."""
    fault = "Sender" if error.fault == "User" else "Receiver"
    members = f"<Type>{fault}</Type><Code>{escape(error.code)}</Code><Message>{escape(error.message or '')}</Message>"
    body = f"<ErrorResponse><Error>{members}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    headers = [(b"content-type", b"text/xml"), (b"x-amzn-errortype", header_value(error.code))]
    return Response(status=error.http_status or 400, headers=headers, body=body.encode())


def header_value(text: str) -> bytes:
    """A text as the value of a header: what may not stand there becomes a question mark."""
    return _NOT_IN_A_HEADER.sub(b"?", text.encode("latin-1", "replace"))


def _modelled_members(shape: Shape, error: ApiError) -> dict[str, Any]:
    return {"Type": error.fault, **error.members, _message_member(shape): error.message}


def _message_member(shape: Shape) -> str:
    return next((name for name in shape.members if name.lower() == "message"), "message")


def _json_content_type(model: ServiceModel) -> tuple[bytes, bytes]:
    return (b"content-type", f"application/x-amz-json-{model.metadata.json_version}".encode())


def _status_and_headers(model: ServiceModel, shape: Shape, result: Mapping[str, Any], default_status: int) -> tuple[int, Headers]:
    status = default_status
    headers: Headers = []
    for name, member in shape.members.items():
        value = result.get(name)
        if value is None:
            continue
        if member.location == "statusCode":
            status = value
        elif member.location == "header":
            text = scalar_to_text(model.shape(member.shape).type, value)
            headers.append(((member.location_name or name).lower().encode(), header_value(text)))
    return status, headers


def _structure(model: ServiceModel, shape: Shape, content: Mapping[str, Any]) -> dict[str, Any]:
    members = {}
    for name, member in shape.members.items():
        value = content.get(name)
        if value is not None and member.location is None and name != shape.payload:
            members[member.location_name or name] = _value(model, member.shape, value)
    return members


def _value(model: ServiceModel, shape_name: str, value: Any) -> Any:
    shape = model.shape(shape_name)
    if shape.type == "structure":
        return _structure(model, shape, value)
    if shape.type == "list":
        assert shape.member is not None
        return [_value(model, shape.member.shape, item) for item in value]
    if shape.type == "map":
        assert shape.value is not None
        return {key: _value(model, shape.value.shape, item) for key, item in value.items()}
    return scalar_to_json(shape.type, value)
