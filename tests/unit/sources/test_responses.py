"""What functions may say of single records. Source of the cases: the page on reporting batch item failures of SQS."""

import json
from typing import Any

import pytest

from alonzo.sources.responses import read_failures

KNOWN = {"a": 0, "b": 1}


def _read(answer: Any) -> list[int] | None:
    return read_failures(json.dumps(answer).encode(), lambda identifier: KNOWN.get(str(identifier)))


@pytest.mark.parametrize("answer", [None, "", [], {}, {"batchItemFailures": None}, {"batchItemFailures": []}, {"state": {}}])
def test_nothing_said_is_success(answer: Any) -> None:
    assert _read(answer) == []


def test_an_empty_answer_is_success() -> None:
    assert read_failures(b"", KNOWN.get) == []


@pytest.mark.parametrize(
    "answer",
    [
        "oops",
        7,
        ["a"],
        {"batchItemFailures": "a"},
        {"batchItemFailures": {"itemIdentifier": "a"}},
        {"batchItemFailures": ["a"]},
        {"batchItemFailures": [{"id": "a"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "of another batch"}]},
    ],
)
def test_what_cannot_be_understood_is_a_batch_that_failed(answer: Any) -> None:
    assert _read(answer) is None


def test_what_is_no_json_is_a_batch_that_failed() -> None:
    assert read_failures(b"{", KNOWN.get) is None


def test_the_named_records_have_failed() -> None:
    assert _read({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}) == [1, 0]
