"""Errors as API errors: what is our own failure is in the log, once, with the request's id."""

import logging

import pytest

from alonzo.aws.api_error import ApiError
from alonzo.edge.error_table import to_api_error
from alonzo.edge.failures import as_api_error
from alonzo.functions.errors import FunctionNotFound
from alonzo.log import JsonFormatter
from alonzo.store.errors import StoreUnavailable

LOG = logging.getLogger("tests.failures")
NOT_FOUND = FunctionNotFound("arn:aws:lambda:us-east-1:000000000000:function:f")


@pytest.mark.parametrize(
    ("error", "status", "lines"),
    [
        (ApiError(code="InvalidParameterValueException", message="no", http_status=400), 400, 0),
        (NOT_FOUND, 404, 0),
        (StoreUnavailable("gone"), 500, 1),
        (ZeroDivisionError("a mistake"), 500, 1),
    ],
)
def test_our_own_failures_are_logged_once(error: Exception, status: int, lines: int, caplog: pytest.LogCaptureFixture) -> None:
    answered = as_api_error(error, "the-id", translate_error=to_api_error, log=LOG)
    assert (answered.http_status or 0) // 100 == status // 100
    assert len(caplog.records) == lines
    assert all('"request_id":"the-id"' in JsonFormatter().format(record) for record in caplog.records)
