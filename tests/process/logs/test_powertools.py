"""The logger of Powertools for AWS Lambda, unmodified, in a real function: its lines are found by their fields."""

import json
import time

import pytest
from tests.support.invoking import invoke, wait_for_log
from tests.support.packaging import PYTHON_RUNTIME, layer_of, python_packages
from tests.support.server import Server
from tests.support.waiting import eventually

pytestmark = pytest.mark.thorough

CODE = """
from aws_lambda_powertools import Logger

logger = Logger(service="payment", level="INFO")

@logger.inject_lambda_context(correlation_id_path="order", log_event=True)
def handler(event, context):
    logger.debug("not seen")
    logger.append_keys(customer={"id": event["customer"]})
    logger.info("paid", extra={"amount": 12.5})
    try:
        raise ValueError("no money")
    except ValueError:
        logger.exception("refused")
"""
PINNED = ("aws-lambda-powertools==3.37.0", "jmespath==1.0.1", "typing_extensions==4.15.0")


def test_lines_of_powertools_are_found_by_their_fields(server: Server) -> None:
    directory = python_packages("powertools", pinned=PINNED, own=())
    content = {"ZipFile": layer_of(directory, prefix="python")}
    layer = server.client("lambda").publish_layer_version(LayerName="powertools", Content=content)["LayerVersionArn"]
    name = server.deploy("powertools", CODE, Runtime=PYTHON_RUNTIME, Timeout=30, Layers=[layer])
    request_id = invoke(server, name, {"order": "o-1", "customer": 7}).request_id
    lines = [json.loads(message) for message in wait_for_log(server, name, "REPORT RequestId") if message.startswith("{")]
    assert [line["level"] for line in lines] == ["INFO", "INFO", "ERROR"]
    assert {line["function_request_id"] for line in lines} == {request_id}
    assert {line["correlation_id"] for line in lines} == {"o-1"}
    logs, group = server.client("logs"), f"/aws/lambda/{name}"
    (found,) = logs.filter_log_events(logGroupName=group, filterPattern='{ $.level = "ERROR" && $.customer.id = 7 }')["events"]
    assert json.loads(found["message"])["exception_name"] == "ValueError"
    query = f"filter customer.id = 7 and function_request_id = '{request_id}' | stats count(*) as n, sum(amount) as paid by service"
    now = int(time.time())
    query_id = logs.start_query(logGroupName=group, startTime=now - 600, endTime=now + 60, queryString=query)["queryId"]

    def results() -> list[list[dict[str, str]]] | None:
        answer = logs.get_query_results(queryId=query_id)
        return answer["results"] if answer["status"] == "Complete" else None

    (row,) = eventually(results, what="the end of the query")
    assert {each["field"]: each["value"] for each in row} == {"service": "payment", "n": "2", "paid": "12.5"}
