"""What a function says of single records of a batch (`ReportBatchItemFailures`).

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting and the page of the
same name on each kind of stream.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

REPORTS_FAILURES = "ReportBatchItemFailures"
"""In a mapping's `FunctionResponseTypes`."""


def read_failures(payload: bytes, find: Callable[[Any], T | None]) -> list[T] | None:
    """Which records have failed; None: all of them, because the answer is not one that says it.

    `find` knows a record by its `itemIdentifier`: a text, of Kafka an object.
    """
    try:
        answer = msgspec.json.decode(payload or b"null")
    except (msgspec.DecodeError, RecursionError):
        return None
    if not answer:
        return []  # nothing, or an empty answer of any kind: all went well
    failures = answer.get("batchItemFailures", []) if isinstance(answer, dict) else None
    if failures is None and isinstance(answer, dict):
        return []
    if not isinstance(failures, list):
        return None
    found = [find(failure["itemIdentifier"]) if _is_named(failure) else None for failure in failures]
    failed = [each for each in found if each is not None]
    return failed if len(failed) == len(failures) else None


def _is_named(failure: Any) -> bool:
    return isinstance(failure, dict) and bool(failure.get("itemIdentifier"))
