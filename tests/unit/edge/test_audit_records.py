"""API calls as CloudTrail records them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import ANONYMOUS, Caller
from alonzo.aws.service_model import ServiceModels
from alonzo.edge.audit_records import HIDDEN, AuditedCall, audit_record, event_name, is_management_event
from alonzo.model.scope import Scope

MODELS = ServiceModels()
CALLER = Caller(scope=Scope("111111111111", "eu-west-1"), access_key_id="AKIA", service="lambda")
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def a_call(operation: str, parameters: dict[str, Any], service: str = "lambda", **said: Any) -> AuditedCall:
    model = MODELS.get(service)
    answered: dict[str, Any] = {"caller": CALLER, "result": None, "error": None} | said
    return AuditedCall(
        model=model,
        operation=model.operation(operation),
        request_id="request",
        headers=[(b"user-agent", b"aws-cli")],
        client=("10.0.0.1", 1),
        parameters=parameters,
        **answered,
    )


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("CreateFunction", "CreateFunction20150331"),
        ("UpdateFunctionCode", "UpdateFunctionCode20150331v2"),
        ("TagResource", "TagResource20170331v2"),
        ("PublishLayerVersion", "PublishLayerVersion20181031"),
        ("CreateFunctionUrlConfig", "CreateFunctionUrlConfig"),
    ],
)
def test_names_of_events(operation: str, name: str) -> None:
    assert event_name("lambda", MODELS.get("lambda").operation(operation)) == name


def test_neither_code_nor_secrets_are_recorded() -> None:
    parameters = {
        "FunctionName": "f",
        "Code": {"ZipFile": b"PK", "S3Bucket": "b"},
        "Environment": {"Variables": {"PASSWORD": "secret"}},
        "Layers": ["arn"],
        "MemorySize": 128,
    }
    record = audit_record(a_call("CreateFunction", parameters, result={"FunctionName": "f"}), event_id="event", at=NOW)
    assert record["requestParameters"] == {
        "functionName": "f",
        "code": {"s3Bucket": "b"},
        "environment": {},
        "layers": ["arn"],
        "memorySize": 128,
    }
    assert record["responseElements"] == {"functionName": "f"}
    assert "secret" not in str(record)
    assert (record["eventTime"], record["readOnly"], record["awsRegion"]) == ("2026-01-31T12:00:00Z", False, "eu-west-1")
    assert record["userIdentity"]["accessKeyId"] == "AKIA"


def test_what_is_sensitive_in_the_model_is_hidden() -> None:
    record = audit_record(a_call("InvokeAsync", {"FunctionName": "f", "InvokeArgs": b"{}"}), event_id="event", at=NOW)
    assert record["requestParameters"] == {"functionName": "f", "invokeArgs": HIDDEN}


def test_errors_and_reads() -> None:
    error = ApiError(code="ResourceNotFoundException", message="no")
    record = audit_record(a_call("GetFunction", {"FunctionName": "f"}, caller=ANONYMOUS, error=error), event_id="event", at=NOW)
    assert (record["errorCode"], record["errorMessage"], record["readOnly"]) == ("ResourceNotFoundException", "no", True)
    assert record["responseElements"] is None
    assert record["userIdentity"]["accountId"] == "ANONYMOUS_PRINCIPAL"


def test_the_use_of_resources_is_no_management_event() -> None:
    assert not is_management_event(a_call("PutLogEvents", {}, service="logs"))
    assert is_management_event(a_call("DeleteLogGroup", {}, service="logs"))
