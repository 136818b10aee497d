from typing import Any

import pytest

from alonzo.aws.api_error import ApiError
from alonzo.aws.parsing import parse
from alonzo.aws.requests import Request
from alonzo.aws.service_model import ServiceModel


def parameters_of(model: ServiceModel, method: str, path: str, *, query: str = "", body: bytes = b"") -> dict[str, Any]:
    route = model.find_route(method=method, path=path, query_string=query, target=None)
    assert route is not None
    return parse(model, route, Request(method=method, path=path, query_string=query, headers=[], body=body))


def created(model: ServiceModel, body: bytes) -> dict[str, Any]:
    return parameters_of(model, "POST", "/2015-03-31/functions", body=body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Could not parse request body into json: "),
        (b"\xff\xfe", "Could not parse request body into json: "),
        (b'{"Timeout": NaN}', "Could not parse request body into json: "),
        (b'{"Timeout": 1e999}', "Could not parse request body into json: "),
        (b'{"FunctionName": "\\ud800"}', "Could not parse request body into json: "),
        (b"[" * 100_000, "Could not parse request body into json: "),
        (b'{"Environment": ' * 5_000, "Could not parse request body into json: "),
        (b"[]", "Start of list found where not expected"),
        (b'"text"', "Unexpected token received from parser"),
        (b"null", "Unexpected token received from parser"),
        (b'{"FunctionName": 1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"FunctionName": true}', "TRUE_VALUE can not be converted to a String"),
        (b'{"FunctionName": []}', "Start of list found where not expected"),
        (b'{"FunctionName": {}}', "Start of structure or map found where not expected."),
        (b'{"Timeout": "3"}', "STRING_VALUE can not be converted to an Integer"),
        (b'{"Timeout": 3.5}', "DECIMAL_VALUE can not be converted to an Integer"),
        (b'{"Timeout": 2147483648}', "NUMBER_VALUE can not be converted to an Integer"),
        (b'{"Timeout": ' + b"9" * 5_000 + b"}", ""),
        (b'{"Publish": "yes"}', "STRING_VALUE can not be converted to a Boolean"),
        (b'{"Layers": "x"}', "Expected list or null"),
        (b'{"Tags": []}', "Expected map or null"),
        (b'{"Code": "x"}', "Expected structure or null"),
        (b'{"Code": {"ZipFile": "***"}}', "A blob of the request is not valid Base64"),
        (b'{"Code": {"ZipFile": "\xc3\xa4"}}', "A blob of the request is not valid Base64"),
        (b'{"Code": {"ZipFile": 1}}', "NUMBER_VALUE can not be converted to a Blob"),
    ],
)
def test_refuses_what_the_protocol_does_not_allow(lambda_model: ServiceModel, body: bytes, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        created(lambda_model, body)
    assert (caught.value.code, caught.value.http_status) == ("SerializationException", 400)
    assert (caught.value.message or "").startswith(message)


@pytest.mark.parametrize("moment", [b"1e300", b"-1e300", b"true", b'"yesterday"', b"99999999999999999999"])
def test_refuses_moments_that_are_none(lambda_model: ServiceModel, moment: bytes) -> None:
    with pytest.raises(ApiError, match="can not be converted to a Timestamp"):
        parameters_of(lambda_model, "POST", "/2015-03-31/event-source-mappings", body=b'{"StartingPositionTimestamp": ' + moment + b"}")


def test_ignores_unknown_members_and_nulls(lambda_model: ServiceModel) -> None:
    assert created(lambda_model, b'{"FunctionName": "f", "Unknown": {"a": [1]}, "Layers": null}') == {"FunctionName": "f"}


def test_keeps_nulls_inside_lists_for_the_validation(lambda_model: ServiceModel) -> None:
    assert created(lambda_model, b'{"Layers": [null]}') == {"Layers": [None]}


def test_takes_whole_numbers_written_with_a_point(lambda_model: ServiceModel) -> None:
    assert created(lambda_model, b'{"Timeout": 3.0}') == {"Timeout": 3}


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_takes_an_empty_body_for_an_empty_object(lambda_model: ServiceModel, body: bytes) -> None:
    assert created(lambda_model, body) == {}


def test_ignores_the_body_of_operations_without_one(lambda_model: ServiceModel) -> None:
    assert parameters_of(lambda_model, "GET", "/2015-03-31/functions/f", body=b"\x00garbage") == {"FunctionName": "f"}


@pytest.mark.parametrize("text", ["abc", "", "1.5", "99999999999999999999", "9" * 5_000])
def test_refuses_numbers_of_the_query_that_are_none(lambda_model: ServiceModel, text: str) -> None:
    with pytest.raises(ApiError, match="can not be converted to an Integer"):
        parameters_of(lambda_model, "GET", "/2015-03-31/functions", query=f"MaxItems={text}")
