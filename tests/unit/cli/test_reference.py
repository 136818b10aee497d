"""The reference page says what the commands say."""

from pathlib import Path

from alonzo.cli.reference import render_reference

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_page_is_up_to_date() -> None:
    assert PAGE.read_text() == render_reference(), "run `make docs`"
