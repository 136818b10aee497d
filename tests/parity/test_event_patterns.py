"""Event patterns: what EventBridge has said of each, recorded from AWS, and what we say."""

import json
from pathlib import Path
from typing import Any

import pytest

from alonzo.event_sources.errors import InvalidPattern
from alonzo.event_sources.matching import matches
from alonzo.event_sources.patterns import EVENT_BUS, parse_pattern

_RECORDED = json.loads((Path(__file__).parent / "recorded" / "patterns" / "event-patterns.json").read_text())


@pytest.mark.parametrize("case", _RECORDED, ids=[case["name"] for case in _RECORDED])
def test_a_pattern_says_of_an_event_what_it_says_on_aws(case: dict[str, Any]) -> None:
    try:
        matched = matches(parse_pattern(json.dumps(case["pattern"]), EVENT_BUS), case["event"])
    except InvalidPattern:
        assert case["expected"] == "invalid pattern"
    else:
        assert case["expected"] == ("match" if matched else "no match")
