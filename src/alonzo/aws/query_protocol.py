"""AWS's query protocol: parameters as a form, answers as XML.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from alonzo.aws.api_error import ApiError, serialization_error
from alonzo.aws.requests import Response
from alonzo.aws.scalars import scalar_from_text, scalar_to_text
from alonzo.aws.service_description import Operation, Shape
from alonzo.aws.service_model import ServiceModel

_FIELDS_MAX = 200_000
_CONTENT_TYPE = (b"content-type", b"text/xml")
_Tree = dict[str, Any]


def form_fields(body: bytes) -> dict[str, str]:
    """Names and values of a form. SerializationException."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX))
    except ValueError as error:
        raise serialization_error(f"The form of the request cannot be read: {error}") from error


def parse_form(model: ServiceModel, operation: Operation, fields: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a request, as `parse` gives them."""
    if operation.input is None:
        return {}
    shape = model.shape(operation.input.shape)
    wanted = {member.location_name or name for name, member in shape.members.items()}
    tree: _Tree = {}
    for name, value in fields.items():
        path = name.split(".")
        if path[0] in wanted:
            _plant(tree, path, value)
    return _structure(model, shape, tree)


def serialize_as_xml(model: ServiceModel, operation: Operation, result: Mapping[str, Any], *, request_id: str) -> Response:
    """The response of a successful operation."""
    content = ""
    if operation.output is not None:
        body = "".join(_members(model, model.shape(operation.output.shape), result))
        wrapper = operation.output.result_wrapper or f"{operation.name}Result"
        content = f"<{wrapper}>{body}</{wrapper}>"
    name = f"{operation.name}Response"
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    text = f'<{name} xmlns="{model.metadata.xml_namespace}">{content}{metadata}</{name}>'
    return Response(status=200, headers=[_CONTENT_TYPE], body=text.encode())


def query_error_code(model: ServiceModel, error: ApiError) -> str:
    """What the error is called in this protocol."""
    shape = model.find_shape(error.code)
    return error.code if shape is None or not shape.exception else shape.error.code or error.code


def error_status(model: ServiceModel, error: ApiError) -> int:
    """The status of an answer that is this error."""
    shape = model.find_shape(error.code)
    return error.http_status or (400 if shape is None or not shape.exception else shape.error.http_status_code)


def _plant(tree: _Tree, path: list[str], value: str) -> None:
    for part in path[:-1]:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            raise serialization_error(f"{'.'.join(path)} is given in two ways")
        tree = below
    tree[path[-1]] = value


def _structure(model: ServiceModel, shape: Shape, tree: _Tree) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, member in shape.members.items():
        content = tree.get(member.location_name or name)
        if content is not None:
            values[name] = _value(model, model.shape(member.shape), content)
    return values


def _value(model: ServiceModel, shape: Shape, content: Any) -> Any:
    if shape.type == "structure":
        return _structure(model, shape, _tree(content))
    if shape.type == "list":
        assert shape.member is not None
        element = model.shape(shape.member.shape)
        if content == "":
            return []
        return [_value(model, element, item) for item in _numbered(_tree(content).get("member", {}))]
    if shape.type == "map":
        assert shape.key is not None
        assert shape.value is not None
        element = model.shape(shape.value.shape)
        entries = [_tree(entry) for entry in _numbered(_tree(content).get("entry", {}))]
        return {str(entry.get("key", "")): _value(model, element, entry.get("value", "")) for entry in entries}
    if not isinstance(content, str):
        raise serialization_error("A value is expected where members were found")
    return scalar_from_text(shape.type, content, timestamp_format=shape.timestamp_format or "iso8601")


def _tree(content: Any) -> _Tree:
    if not isinstance(content, dict):
        raise serialization_error("Members are expected where a value was found")
    return content


def _numbered(content: Any) -> Iterator[Any]:
    tree = _tree(content)
    if not all(key.isascii() and key.isdigit() and len(key) < 10 for key in tree):  # noqa: PLR2004 - no list is that long
        raise serialization_error("The members of a list are to be numbered")
    return (tree[key] for key in sorted(tree, key=int))


def _members(model: ServiceModel, shape: Shape, content: Mapping[str, Any]) -> Iterator[str]:
    for name, member in shape.members.items():
        value = content.get(name)
        if value is not None:
            tag = member.location_name or name
            yield f"<{tag}>{_text(model, model.shape(member.shape), value)}</{tag}>"


def _text(model: ServiceModel, shape: Shape, value: Any) -> str:
    if shape.type == "structure":
        return "".join(_members(model, shape, value))
    if shape.type == "list":
        assert shape.member is not None
        element = model.shape(shape.member.shape)
        return "".join(f"<member>{_text(model, element, item)}</member>" for item in value)
    if shape.type == "map":
        assert shape.value is not None
        element = model.shape(shape.value.shape)
        return "".join(
            f"<entry><key>{escape(key)}</key><value>{_text(model, element, item)}</value></entry>" for key, item in value.items()
        )
    if shape.type == "timestamp":
        return str(value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    return escape(scalar_to_text(shape.type, value))
