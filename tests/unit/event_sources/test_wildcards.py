import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.event_sources.errors import InvalidPattern
from alonzo.event_sources.wildcards import Wildcard, check_complexity

_PIECES = st.lists(st.text(alphabet="ab\\*", max_size=3), min_size=1, max_size=4).filter(lambda pieces: all(pieces[1:-1]))


@given(_PIECES, st.text(alphabet="ab\\*", max_size=12))
def test_a_wildcard_matches_what_the_same_regular_expression_matches(pieces: list[str], text: str) -> None:
    pattern = "*".join(piece.replace("\\", "\\\\").replace("*", "\\*") for piece in pieces)
    expected = re.fullmatch(".*".join(map(re.escape, pieces)), text, re.DOTALL) is not None
    assert Wildcard(pattern).matches(text) is expected


@given(st.text(max_size=20))
def test_a_text_matches_itself(text: str) -> None:
    assert Wildcard(text.replace("\\", "\\\\").replace("*", "\\*")).matches(text)


@pytest.mark.parametrize("pattern", ["**", "a**b", "\\", "a\\b"])
def test_what_is_no_wildcard_pattern(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        Wildcard(pattern)


@pytest.mark.parametrize("pattern", ["*a" * 20, "*:*:*:*:*:event-bus/*"])
def test_what_matches_in_too_many_ways_at_once_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match="too complex"):
        check_complexity([Wildcard(pattern)])


@pytest.mark.parametrize("patterns", [["*" + "a" * 9], ["*abcdefghijklmnopqrstuvwxyz" * 3], ["a*", "b*", "c*"], [""], []])
def test_what_matches_in_few_ways_is_not(patterns: list[str]) -> None:
    check_complexity(map(Wildcard, patterns))


def test_the_wildcards_of_a_field_count_together() -> None:
    check_complexity([Wildcard(f"*{letter}*") for letter in "abc"])
    with pytest.raises(InvalidPattern):
        check_complexity([Wildcard(f"*a{letter}*") for letter in "abcdefghijkl"])
