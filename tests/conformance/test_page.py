"""The page of runtimes says what the suite shows, and the suite is complete."""

from pathlib import Path

from tests.conformance.expectations import HANDLER_ERRORS, LOAD_ERRORS, MISSING_HANDLERS, UNSERIALIZABLE
from tests.conformance.features import Feature
from tests.conformance.languages import HANDLERS, LANGUAGES
from tests.conformance.page import find_tests, render_page

PAGE = Path(__file__).parents[2] / "docs" / "runtimes.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == render_page(), "run `make docs`"


def test_every_feature_is_asked_for() -> None:
    assert set(find_tests()) == set(Feature)


def test_every_language_is_in_every_table() -> None:
    every = {language.id for language in LANGUAGES}
    assert HANDLER_ERRORS.keys() == LOAD_ERRORS.keys() == MISSING_HANDLERS.keys() == every
    assert UNSERIALIZABLE.keys() == {language.id for language in LANGUAGES if Feature.UNSERIALIZABLE not in language.lacks}
    assert {path.name for path in HANDLERS.iterdir()} == {language.folder for language in LANGUAGES} | {"common_layer"}
