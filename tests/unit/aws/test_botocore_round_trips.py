"""botocore writes a request and we read it; we write a response and botocore reads it: both must come out as they went in."""

import functools
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import pytest
from botocore.awsrequest import create_request_object, prepare_request_dict
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo.aws.parsing import parse
from alonzo.aws.requests import Request
from alonzo.aws.serialization import serialize
from alonzo.aws.service_model import ServiceModels

LOGS_OPERATIONS = ("FilterLogEvents", "GetLogEvents", "DescribeLogGroups", "DescribeLogStreams", "PutLogEvents", "CreateLogGroup")


@functools.cache
def botocore_model(service: str) -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model(service, "service-2"), service)


MODELS = ServiceModels()
LAMBDA_OPERATIONS = tuple(botocore_model("lambda").operation_names)
OPERATIONS = [("lambda", name) for name in LAMBDA_OPERATIONS] + [("logs", name) for name in LOGS_OPERATIONS]

WRITTEN_BY_HAND = ("Invoke", "InvokeWithResponseStream")

texts = st.text(st.characters(codec="utf-8"), max_size=12)
header_texts = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
label_texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
moments = st.integers(0, 4_000_000_000).map(lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
scalars = {
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "blob": st.binary(max_size=40),
    "timestamp": moments,
    "string": texts,
}


def values_of(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    if shape.type_name == "structure":
        return structures_of(shape, depth + 1)
    if shape.type_name == "list":
        return st.lists(values_of(shape.member, depth + 1), max_size=2)
    if shape.type_name == "map":
        return st.dictionaries(texts, values_of(shape.value, depth + 1), max_size=2)
    return scalars[shape.type_name]


def member_values(shape: Any, name: str, depth: int) -> st.SearchStrategy[Any]:
    member = shape.members[name]
    location = member.serialization.get("location")
    if location == "statusCode":
        return st.just(200)
    if member.type_name == "string" and location in {"uri", "header"}:
        return label_texts if location == "uri" else header_texts
    if member.type_name == "list" and location == "querystring":
        return st.lists(texts, min_size=1, max_size=3)
    if name == shape.serialization.get("payload") and member.type_name == "blob":
        return st.binary(min_size=1, max_size=40)
    if name == shape.serialization.get("payload"):
        return values_of(member, depth).filter(bool)
    return values_of(member, depth)


def structures_of(shape: Any, depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    if shape is None:
        return st.just({})
    if getattr(shape, "is_tagged_union", False):
        return st.one_of(st.fixed_dictionaries({name: member_values(shape, name, depth)}) for name in shape.members)
    if depth > 4:
        return st.just({})
    always = {name for name in shape.members if is_always_sent(shape, name)}
    required = {name: member_values(shape, name, depth) for name in shape.members if name in always}
    optional = {name: member_values(shape, name, depth) for name in shape.members if name not in always}
    return st.fixed_dictionaries(required, optional=optional)


def is_always_sent(shape: Any, name: str) -> bool:
    """Labels of the path cannot be left out, and botocore sends an empty object for a structure that is the whole body."""
    member = shape.members[name]
    is_body = name == shape.serialization.get("payload") and member.type_name == "structure"
    return is_body or member.serialization.get("location") == "uri"


def request_of(service: str, operation: str, parameters: dict[str, Any]) -> Request:
    model = botocore_model(service)
    serializer = botocore.serialize.create_serializer(model.metadata["protocol"], include_validation=False)
    written = serializer.serialize_to_request(parameters, model.operation_model(operation))
    prepare_request_dict(written, endpoint_url="http://localhost:4566")
    prepared = create_request_object(written).prepare()
    url = urlsplit(prepared.url)
    body = prepared.body or b""
    return Request(
        method=prepared.method,
        path=url.path,
        query_string=url.query,
        headers=[(name.lower().encode(), as_bytes(value)) for name, value in prepared.headers.items()],
        body=as_bytes(body),
    )


def as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_reads_what_botocore_writes(service: str, operation: str, data: st.DataObject) -> None:
    parameters = data.draw(structures_of(botocore_model(service).operation_model(operation).input_shape))
    request = request_of(service, operation, parameters)
    model = MODELS.get(service)
    target = request.find_header(b"x-amz-target")
    route = model.find_route(method=request.method, path=request.path, query_string=request.query_string, target=target)
    assert route is not None
    assert route.operation.name == operation
    assert parse(model, route, request) == parameters


@pytest.mark.parametrize(("service", "operation"), [pair for pair in OPERATIONS if pair[1] not in WRITTEN_BY_HAND])
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_writes_what_botocore_reads(service: str, operation: str, data: st.DataObject) -> None:
    botocore_operation = botocore_model(service).operation_model(operation)
    result = data.draw(structures_of(botocore_operation.output_shape))
    model = MODELS.get(service)
    response = serialize(model, model.operations[operation], result)
    parser = botocore.parsers.create_parser(model.metadata.protocol)
    headers = {name.decode(): value.decode("latin-1") for name, value in response.headers}
    answer = {"status_code": response.status, "headers": headers, "body": response.body}
    read = parser.parse(answer, botocore_operation.output_shape)
    read.pop("ResponseMetadata")
    assert comparable(read) == comparable(with_status(botocore_operation, result))


def with_status(operation: Any, result: dict[str, Any]) -> dict[str, Any]:
    """Where the status is a member of the output, botocore always gives it."""
    members = {} if operation.output_shape is None else operation.output_shape.members
    statuses = [name for name, member in members.items() if member.serialization.get("location") == "statusCode"]
    return {**dict.fromkeys(statuses, operation.http.get("responseCode", 200)), **result}


def comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value
