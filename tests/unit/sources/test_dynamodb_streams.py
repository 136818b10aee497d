"""Where `LATEST` begins in a stream whose instants are rounded down."""

from datetime import UTC, datetime
from typing import Any

import pytest

from alonzo.sources.dynamodb_streams import DynamoDbStream

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-11-21T00:00:00.000"
BEGIN = datetime(2026, 11, 21, 12, 30, 20, 500_000, UTC)


@pytest.mark.parametrize(
    ("created", "is_left_out"),
    [
        ((12, 30, 20, 499_000), True),
        ((12, 30, 20, 500_000), False),
        ((12, 30, 20, 0), False),  # that second
        ((12, 30, 19, 0), True),
        ((12, 30, 0, 0), False),  # that minute
        ((12, 29, 0, 0), True),
        ((12, 31, 0, 0), False),
    ],
)
def test_a_record_is_left_out_when_it_was_surely_there_before(created: tuple[int, int, int, int], is_left_out: bool) -> None:
    kit: Any = None
    shard = DynamoDbStream(ARN, kit).calls("shard", round(BEGIN.timestamp() * 1000))
    change = {
        "ApproximateCreationDateTime": datetime(2026, 11, 21, *created, tzinfo=UTC),
        "SequenceNumber": "1",
        "Keys": {"id": {"S": "x"}},
    }
    assert (shard.record({"dynamodb": change}) is None) is is_left_out
