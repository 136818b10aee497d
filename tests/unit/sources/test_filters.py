"""What filters see of what a record carries. Source of the cases: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html."""

import json
from typing import Any

import pytest

from alonzo.sources.filters import RecordFilter, decoded


@pytest.mark.parametrize(
    ("pattern", "body", "is_kept"),
    [
        ({"body": {"city": ["Bern"]}}, '{"city": "Bern"}', True),
        ({"body": {"city": ["Bern"]}}, '{"city": "Genf"}', False),
        ({"body": {"city": ["Bern"]}}, "Bern", False),
        ({"body": ["Bern"]}, "Bern", True),
        ({"body": ["Bern"]}, '{"city": "Bern"}', False),
        ({"body": ["12"]}, "12", False),
        ({"eventSource": ["aws:sqs"]}, "anything", True),
    ],
)
def test_json_and_text_are_two_things(pattern: Any, body: str, is_kept: bool) -> None:
    view = {"body": decoded(body), "eventSource": "aws:sqs"}
    assert RecordFilter([json.dumps(pattern)]).keeps(view) is is_kept


def test_one_filter_that_matches_is_enough_and_none_keeps_all() -> None:
    patterns = [json.dumps({"body": {"n": [number]}}) for number in (1, 2)]
    assert RecordFilter(patterns).keeps({"body": {"n": 2}})
    assert not RecordFilter(patterns).keeps({"body": {"n": 3}})
    assert RecordFilter(()).keeps({})
    assert RecordFilter(None).is_empty


def test_bytes_that_are_no_text_match_nothing_that_is_asked_of_them() -> None:
    assert not RecordFilter([json.dumps({"data": {"a": [1]}})]).keeps({"data": decoded(b"\xff\x00")})
