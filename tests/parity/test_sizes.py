"""What is too large."""

import io
import os
import zipfile
from typing import Any

import pytest


def test_variables_just_small_enough(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaSizeLimits::test_lambda_envvars_near_limit_succeeds")
    created = _create_with_variables(requests, "near-limit", {"LARGE_VAR": "x" * 4080})
    conversation.check("successful_create_fn_result", created)


@pytest.mark.parametrize(
    ("recorded_name", "answer", "variables"),
    [
        ("test_large_environment_variables_fails", "failed_create_fn_result", {"LARGE_VAR": "x" * 4081}),
        (
            "test_large_environment_fails_multiple_keys",
            "failured_create_fn_result_multi_key",
            {"SMALL_VAR": "ok", "LARGE_VAR": "x" * 4064},
        ),
    ],
)
def test_variables_too_large(replay: Any, requests: Any, recorded_name: str, answer: str, variables: dict[str, str]) -> None:
    conversation = replay(f"TestLambdaSizeLimits::{recorded_name}")
    conversation.check_error(answer, lambda: _create_with_variables(requests, "too-large", variables))


def test_a_large_function(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaSizeLimits::test_large_lambda")
    code = _zip_of("handler.py", b"#" * 50_000_000)
    conversation.check("create_function_large_zip", requests.create("large", Code={"ZipFile": code}, Timeout=10))


@pytest.mark.parametrize("recorded_name", ["test_oversized_lambda", "test_oversized_unzipped_lambda"])
def test_code_too_large_unzipped(replay: Any, requests: Any, recorded_name: str) -> None:
    conversation = replay(f"TestLambdaSizeLimits::{recorded_name}")
    code = _zip_of("handler.py", b"#" * 262_144_000)
    conversation.check_error("invalid_param_exc", lambda: requests.create("too-large", Code={"ZipFile": code}))


def test_code_too_large_zipped(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaSizeLimits::test_oversized_zipped_create_lambda")
    code = os.urandom(52_428_801)  # not even looked at
    conversation.check_error("invalid_param_exc", lambda: requests.create("too-large", Code={"ZipFile": code}))


def test_a_request_too_large(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaSizeLimits::test_oversized_request_create_lambda")
    code = bytes(54_000_000)
    conversation.check_error("invalid_param_exc", lambda: requests.create("too-large", Code={"ZipFile": code}))


def _create_with_variables(requests: Any, name: str, variables: dict[str, str]) -> Any:
    return requests.create(name, Environment={"Variables": variables}, Timeout=30)


def _zip_of(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()
