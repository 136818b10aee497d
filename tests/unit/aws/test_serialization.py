import json

import pytest

from alonzo.aws.api_error import ApiError, not_implemented
from alonzo.aws.requests import Response
from alonzo.aws.serialization import header_value, serialize, serialize_error
from alonzo.aws.service_model import ServiceModel


def parts_of(response: Response) -> tuple[int, str, object]:
    return response.status, dict(response.headers)[b"x-amzn-errortype"].decode(), json.loads(response.body)


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (ApiError(code="ResourceNotFoundException", message="m"), 404, {"Type": "User", "Message": "m"}),
        (ApiError(code="ResourceConflictException", message="m"), 409, {"Type": "User", "message": "m"}),
        (ApiError(code="InvalidParameterValueException", message="m", fault=None), 400, {"message": "m"}),
        (ApiError(code="ValidationException", message="m"), 400, {"message": "m"}),
        (ApiError(code="AccessDeniedException", message=None, http_status=403), 403, {"Message": None}),
        (ApiError(code="ServiceException", message="m", fault="Service"), 500, {"Type": "Service", "Message": "m"}),
    ],
)
def test_fills_errors_as_lambda_does(lambda_model: ServiceModel, error: ApiError, status: int, body: object) -> None:
    assert parts_of(serialize_error(lambda_model, error)) == (status, error.code, body)


def test_puts_members_of_errors_where_their_shape_says(lambda_model: ServiceModel) -> None:
    error = ApiError(
        code="TooManyRequestsException",
        message="Rate Exceeded.",
        members={"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "retryAfterSeconds": "3"},
    )
    response = serialize_error(lambda_model, error)
    assert (response.status, dict(response.headers)[b"retry-after"]) == (429, b"3")
    assert json.loads(response.body)["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_names_the_type_in_the_body_for_json_services(logs_model: ServiceModel) -> None:
    response = serialize_error(logs_model, ApiError(code="ResourceNotFoundException", message="m"))
    assert parts_of(response) == (400, "ResourceNotFoundException", {"__type": "ResourceNotFoundException", "message": "m"})
    assert (b"content-type", b"application/x-amz-json-1.1") in response.headers


def test_answers_for_services_that_it_does_not_know() -> None:
    status, code, body = parts_of(serialize_error(None, not_implemented(service="s3", operation="ListBuckets")))
    assert (status, code) == (501, "NotImplementedException")
    message = "Alonzo does not implement the operation ListBuckets of the service s3."
    assert body == {"__type": "NotImplementedException", "message": message}


def test_leaves_out_members_of_none(lambda_model: ServiceModel) -> None:
    response = serialize(lambda_model, lambda_model.operations["GetFunctionConcurrency"], {"ReservedConcurrentExecutions": None})
    assert response.body == b"{}"


def test_sends_no_body_where_the_model_has_no_content(lambda_model: ServiceModel) -> None:
    response = serialize(lambda_model, lambda_model.operations["DeleteAlias"], {})
    assert response == Response(status=204, headers=[], body=b"")


def test_refuses_members_that_the_output_does_not_have(lambda_model: ServiceModel) -> None:
    with pytest.raises(ValueError, match="GetAlias has no output members \\['Nmae'\\]"):
        serialize(lambda_model, lambda_model.operations["GetAlias"], {"Nmae": "a"})


def test_header_values_never_break_a_header() -> None:
    assert header_value("a\r\nb: c\x00ü€") == b"a??b: c?\xfc?"
