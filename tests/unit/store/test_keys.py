"""Any text as a subject token."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.store.keys import from_subject, from_token, to_subject, to_token


@given(st.text())
def test_a_token_gives_its_text_back(text: str) -> None:
    assert from_token(to_token(text)) == text


@given(st.text())
def test_a_token_is_safe_in_a_subject(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_=-]+", to_token(text))


@given(st.lists(st.text(), min_size=1).map(tuple))
def test_a_subject_gives_its_parts_back(parts: tuple[str, ...]) -> None:
    assert from_subject(to_subject(parts)) == parts


@pytest.mark.parametrize(
    ("text", "token"), [("my-function_1", "my-function_1"), ("$LATEST", "=24LATEST"), ("", "="), ("a=b.c", "a=3Db=2Ec"), ("ä", "=C3=A4")]
)
def test_tokens_stay_readable(text: str, token: str) -> None:
    assert to_token(text) == token


def test_a_key_without_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        to_subject(())
