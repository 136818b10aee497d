"""Records and dead-letter attributes of outcomes, whatever functions and clients have put into them."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.invoke.destinations.records import dead_letter_attributes, invocation_record
from alonzo.model.asynchronous import AcceptedEvent, Condition, EventOutcome
from alonzo.model.scope import Scope

OUTCOME = EventOutcome(
    event=AcceptedEvent(
        scope=Scope("123456789012", "us-east-1"),
        request_id="1",
        function_name="f",
        qualifier=None,
        payload=b"{}",
        trace_header="Root=1",
        accepted_unix_ms=0,
    ),
    condition=Condition.RETRIES_EXHAUSTED,
    invoke_count=3,
    executed_version="$LATEST",
    function_error="Unhandled",
    payload=b"{}",
    ended_unix_ms=1_000,
)


def with_answer(payload: bytes) -> EventOutcome:
    return msgspec.structs.replace(OUTCOME, payload=payload)


def error_message(outcome: EventOutcome) -> str | None:
    attribute = dead_letter_attributes(outcome).get("ErrorMessage")
    return None if attribute is None else attribute["StringValue"]


def test_payloads_are_in_the_record_byte_for_byte() -> None:
    event = msgspec.structs.replace(OUTCOME.event, payload=b'{"n": 1e400, "deep": [[12345678901234567890123]]}')
    record = invocation_record(msgspec.structs.replace(OUTCOME, event=event, payload=b'"\\u00e9"'))
    assert b'"requestPayload":{"n": 1e400, "deep": [[12345678901234567890123]]}' in record
    assert b'"responsePayload":"\\u00e9"' in record


@pytest.mark.parametrize(
    ("payload", "shown"), [(b"plain", "plain"), (b"\xff", "\ufffd"), (b"", ""), (b"NaN", "NaN"), (b"[" * 9_999, "[" * 9_999)]
)
def test_an_answer_that_is_no_json_is_a_text_in_the_record(payload: bytes, shown: str) -> None:
    assert json.loads(invocation_record(with_answer(payload)))["responsePayload"] == shown


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: json.dumps({"errorMessage": text}).encode()))
def test_every_answer_makes_a_record_and_attributes(payload: bytes) -> None:
    outcome = with_answer(payload)
    assert json.loads(invocation_record(outcome))["version"] == "1.0"
    message = error_message(outcome)
    if message is not None:
        assert 0 < len(message.encode()) <= 1_024
        assert all(character in "\t\n\r" or character >= " " for character in message)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"errorMessage": "oh"}, "oh"),
        ({"errorMessage": "x" * 2_000}, "x" * 1_024),
        ({"errorMessage": "é" * 1_000}, "é" * 512),
        ({"errorMessage": "a\x00b\ud800"}, "a\ufffdb\ufffd"),
        ({"errorMessage": ""}, None),
        ({"errorMessage": 7}, None),
        ({}, None),
    ],
)
def test_the_error_message_is_the_first_kilobyte_of_the_functions(answer: Any, message: str | None) -> None:
    """Source: AWS's page on dead-letter queues."""
    assert error_message(with_answer(json.dumps(answer).encode())) == message
