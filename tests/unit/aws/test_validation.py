"""AWS's own words. Messages marked as recorded are answers of the Lambda API, recorded by the LocalStack project (Apache-2.0)."""

from typing import Any

import pytest

from alonzo.aws.api_error import ApiError
from alonzo.aws.service_model import ServiceModel
from alonzo.aws.validation import java_text, validate

ROLE = "arn:aws:iam::111111111111:role/r"
FUNCTION_NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
LAYER_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)"
    r"|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
)


def a_create_request(**changes: Any) -> dict[str, Any]:
    return {"FunctionName": "f", "Role": ROLE, "Code": {"ZipFile": b"zip"}, **changes}


RECORDED = [
    (
        "CreateFunction",
        a_create_request(FunctionName="invalid:function:name"),
        "Value 'invalid:function:name' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {FUNCTION_NAME_PATTERN}",
    ),
    (
        "CreateFunction",
        a_create_request(FunctionName="a" * 141),
        f"Value '{'a' * 141}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 140",
    ),
    (
        "CreateFunction",
        a_create_request(Role="r1"),
        "Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: "
        r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
    ),
    (
        "CreateFunction",
        a_create_request(Architectures=["X86_64"]),
        "Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: "
        "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
    ),
    (
        "CreateFunction",
        a_create_request(Architectures=["x86_64", "arm64"]),
        "Value '[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1",
    ),
    (
        "CreateFunction",
        a_create_request(VpcConfig={"SecurityGroupIds": ["bad"]}),
        "Value '[bad]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must satisfy constraint: "
        "[Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, "
        "Member must satisfy regular expression pattern: sg-[0-9a-zA-Z]*]",
    ),
    (
        "CreateFunction",
        a_create_request(Layers=["arn:aws:lambda:us-east-1:111111111111:layer:x"]),
        "Value '[arn:aws:lambda:us-east-1:111111111111:layer:x]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: "
        "[Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, "
        f"Member must satisfy regular expression pattern: {LAYER_PATTERN}, Member must not be null]",
    ),
    (
        "CreateFunction",
        a_create_request(SnapStart={"ApplyOn": "invalidOption"}),
        "Value 'invalidOption' at 'snapStart.applyOn' failed to satisfy constraint: "
        "Member must satisfy enum value set: [PublishedVersions, None]",
    ),
    (
        "ListFunctions",
        {"FunctionVersion": "invalid"},
        "Value 'invalid' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]",
    ),
    (
        "PutProvisionedConcurrencyConfig",
        {"FunctionName": "f", "Qualifier": "1", "ProvisionedConcurrentExecutions": 0},
        "Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ),
    (
        "UpdateAlias",
        {"FunctionName": "f", "Name": "a", "RoutingConfig": {"AdditionalVersionWeights": {"2": -1.0}}},
        "Value '{2=-1.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: "
        "[Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]",
    ),
    (
        "UpdateAlias",
        {"FunctionName": "f", "Name": "a", "RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.5}}},
        "Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy constraint: "
        "[Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, "
        "Member must satisfy regular expression pattern: [0-9]+]",
    ),
    (
        "UntagResource",
        {"Resource": "arn:aws:lambda:us-east-1:111111111111:function:f"},
        "Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
    ),
    (
        "PutFunctionRecursionConfig",
        {"FunctionName": "f", "RecursiveLoop": "InvalidValue"},
        "Value 'InvalidValue' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: [Terminate, Allow]",
    ),
    (
        "CreateEventSourceMapping",
        {"FunctionName": "f", "StartingPosition": "invalid"},
        "Value 'invalid' at 'startingPosition' failed to satisfy constraint: "
        "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
    ),
]


@pytest.mark.parametrize(("operation", "parameters", "message"), RECORDED)
def test_answers_as_recorded(lambda_model: ServiceModel, operation: str, parameters: dict[str, Any], message: str) -> None:
    error = refusal_of(lambda_model, operation, parameters)
    assert (error.code, error.http_status) == ("ValidationException", 400)
    assert error.message == f"1 validation error detected: {message}"


def test_reports_all_violations_a_pattern_before_a_length(lambda_model: ServiceModel) -> None:
    error = refusal_of(lambda_model, "CreateFunction", {"FunctionName": "", "Code": {}})
    assert error.message == (
        "3 validation errors detected: Value null at 'role' failed to satisfy constraint: Member must not be null; "
        "Value '' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {FUNCTION_NAME_PATTERN}; "
        "Value '' at 'functionName' failed to satisfy constraint: Member must have length greater than or equal to 1"
    )


def test_leaves_the_runtime_of_a_function_to_the_operation(lambda_model: ServiceModel) -> None:
    validate(lambda_model, lambda_model.operations["CreateFunction"], a_create_request(Runtime="python99"))


def test_never_shows_sensitive_values(lambda_model: ServiceModel) -> None:
    error = refusal_of(lambda_model, "CreateFunction", a_create_request(Environment={"Variables": {"1": "secret"}}))
    assert "secret" not in (error.message or "")
    assert "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint" in (error.message or "")


def test_counts_the_elements_of_lists_of_structures_from_one(lambda_model: ServiceModel) -> None:
    parameters = a_create_request(FileSystemConfigs=[{"Arn": "x", "LocalMountPath": "/mnt/x"}])
    assert "Value 'x' at 'fileSystemConfigs.1.member.arn' failed" in (refusal_of(lambda_model, "CreateFunction", parameters).message or "")


def test_refuses_nulls_in_lists(lambda_model: ServiceModel) -> None:
    error = refusal_of(lambda_model, "CreateFunction", a_create_request(Layers=[None]))
    assert (error.message or "").startswith("1 validation error detected: Value '[null]' at 'layers' failed")


def test_bounds_the_message_of_a_request_with_many_violations(lambda_model: ServiceModel) -> None:
    parameters = a_create_request(FileSystemConfigs=[{}] * 10_000)
    assert (refusal_of(lambda_model, "CreateFunction", parameters).message or "").startswith("100 validation errors detected: ")


def test_cloudwatch_logs_has_its_own_code(logs_model: ServiceModel) -> None:
    error = refusal_of(logs_model, "FilterLogEvents", {"logGroupName": ""})
    assert error.code == "InvalidParameterException"


@pytest.mark.parametrize("service", ["lambda", "logs"])
def test_every_pattern_of_the_models_is_understood(request: pytest.FixtureRequest, service: str) -> None:
    model: ServiceModel = request.getfixturevalue(f"{service}_model")
    for name in model.shape_names():
        pattern = model.shape(name).pattern
        if pattern is not None:
            assert model.pattern(pattern) is not None, pattern


def test_writes_values_as_java_does() -> None:
    assert java_text([True, None, {"a": 1.5, "b": [2]}]) == "[true, null, {a=1.5, b=[2]}]"


def refusal_of(model: ServiceModel, operation: str, parameters: dict[str, Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        validate(model, model.operations[operation], parameters)
    return caught.value
