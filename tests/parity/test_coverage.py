"""Every conversation that was recorded is replayed, or it says here why not."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

_NO_ANSWERS = "nothing was recorded of it: AWS accepted the request"
_OUTDATED = "recorded in 2022, when a policy had the revision id of its function"
_NEEDS_BUCKETS = "needs a bucket to take the code from"

NOT_REPLAYED = {
    "TestLambdaFunction::test_function_name_and_qualifier_validation[function_name_and_qualifier_too_long-create_function]": _NO_ANSWERS,
    "TestLambdaFunction::test_function_name_and_qualifier_validation[incomplete_arn-create_function]": _NO_ANSWERS,
    "TestLambdaFunction::test_function_name_and_qualifier_validation[qualifier_too_long1-create_function]": _NO_ANSWERS,
    "TestLambdaFunction::test_lambda_code_location_s3": _NEEDS_BUCKETS,
    "TestLambdaPermissions::test_add_lambda_permission_optional_fields": _NO_ANSWERS,
    "TestLambdaPermissions::test_lambda_permission_revisions": _OUTDATED,
    "TestLambdaPermissions::test_lambda_permission_versioning": _OUTDATED,
    "TestPartialARNMatching::test_cross_region_arn_function_access": _NO_ANSWERS,
    "TestPartialARNMatching::test_update_function_configuration_full_arn": _NO_ANSWERS,
}

_DIRECTORY = Path(__file__).parent
_RECORDED = _DIRECTORY / "recorded"


def test_every_recorded_conversation_is_here_or_has_a_reason_not_to_be(recorded: dict[str, Any]) -> None:
    every = (_RECORDED / "names.txt").read_text().splitlines()
    assert len(every) == 239
    assert sorted([*recorded, *NOT_REPLAYED]) == every


def test_every_conversation_is_kept_once() -> None:
    names = Counter(name for file in _RECORDED.glob("*.json") for name in json.loads(file.read_text()))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_conversation_that_is_here_is_replayed(request: pytest.FixtureRequest, recorded: dict[str, Any], replayed: set[str]) -> None:
    if not _is_everything_run(request):
        pytest.skip("only the whole of tests/parity can tell")
    assert sorted(recorded.keys() - replayed) == []


def _is_everything_run(request: pytest.FixtureRequest) -> bool:
    options = request.config.option
    if options.keyword or options.markexpr or options.deselect or any("::" in argument for argument in request.config.args):
        return False
    collected = {item.path for item in request.session.items}
    return collected.issuperset(_DIRECTORY.glob("test_*.py"))
