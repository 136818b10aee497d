import pytest

from alonzo.aws.api_error import ApiError
from alonzo.aws.service_model import ServiceModel


@pytest.mark.parametrize(
    ("request_line", "operation", "labels"),
    [
        ("GET /2015-03-31/functions", "ListFunctions", {}),
        ("GET /2015-03-31/functions/?MaxItems=1", "ListFunctions", {}),
        ("GET /2015-03-31/functions/f", "GetFunction", {"FunctionName": "f"}),
        ("PUT /2015-03-31/functions/a%3Ab%2Fc/code", "UpdateFunctionCode", {"FunctionName": "a:b/c"}),
        ("PUT /2015-03-31/functions//code", "UpdateFunctionCode", {"FunctionName": ""}),
        ("GET /2018-10-31/layers?find=LayerVersion&Arn=x", "GetLayerVersionByArn", {}),
        ("GET /2018-10-31/layers", "ListLayers", {}),
        ("GET /2019-09-30/functions/f/provisioned-concurrency?List=ALL", "ListProvisionedConcurrencyConfigs", {"FunctionName": "f"}),
        ("GET /2019-09-25/functions/f/event-invoke-config/list", "ListFunctionEventInvokeConfigs", {"FunctionName": "f"}),
    ],
)
def test_finds_the_operation(lambda_model: ServiceModel, request_line: str, operation: str, labels: dict[str, str]) -> None:
    method, _, target = request_line.partition(" ")
    path, _, query = target.partition("?")
    route = lambda_model.find_route(method=method, path=path, query_string=query, target=None)
    assert route is not None
    assert (route.operation.name, route.labels) == (operation, labels)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/2015-03-31/functions"), ("GET", "/"), ("GET", ""), ("GET", "/2015-03-31/functions/f/x/y/z"), ("GET", "/" * 5_000)],
)
def test_finds_nothing_for_other_requests(lambda_model: ServiceModel, method: str, path: str) -> None:
    assert lambda_model.find_route(method=method, path=path, query_string="", target=None) is None


def test_finds_operations_of_json_services_by_their_target(logs_model: ServiceModel) -> None:
    route = logs_model.find_route(method="POST", path="/", query_string="", target="Logs_20140328.FilterLogEvents")
    assert route is not None
    assert route.operation.name == "FilterLogEvents"


@pytest.mark.parametrize("target", [None, "", "FilterLogEvents", "Other_1.FilterLogEvents", "Logs_20140328.Nothing"])
def test_finds_nothing_for_other_targets(logs_model: ServiceModel, target: str | None) -> None:
    assert logs_model.find_route(method="POST", path="/", query_string="", target=target) is None


def test_refuses_a_query_of_thousands_of_parameters(lambda_model: ServiceModel) -> None:
    with pytest.raises(ApiError, match="SerializationException"):
        lambda_model.find_route(method="GET", path="/2018-10-31/layers", query_string="a=b&" * 5_000, target=None)
