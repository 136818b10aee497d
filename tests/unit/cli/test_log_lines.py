"""Which lines of a log `alonzo logs` prints, and how they look."""

import pytest

from alonzo.cli.log_lines import LogLines, level_of, rendered

ONE, TWO = "8f5a3f3c-0000-4000-8000-000000000001", "8f5a3f3c-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("[ERROR]\t2026-11-21T10:00:00.000Z\tid\toh", "error"),
        (f"2026-11-21T10:00:00.000Z\t{ONE}\tWARN\tcareful", "warn"),
        ('{"level": "CRITICAL", "message": "x"}', "fatal"),
        ("[WARNING] x", "warn"),
        ("nothing of INFOrmation", None),
        ("{not json", None),
    ],
)
def test_levels_are_found(message: str, level: str | None) -> None:
    assert level_of(message) == level


def test_only_lines_of_one_invocation_and_stream() -> None:
    lines = LogLines(request_id=ONE, level=None)
    events = [
        ("a", f"START RequestId: {ONE} Version: 1"),
        ("b", f"START RequestId: {TWO} Version: 1"),
        ("a", "printed by one"),
        ("b", "printed by two"),
        ("a", f"END RequestId: {ONE}"),
        ("a", f"REPORT RequestId: {ONE}\tDuration: 1 ms"),
        ("a", "printed by nobody"),
        ("b", f"two tells of {ONE}"),
    ]
    assert [number for number, event in enumerate(events) if lines.takes(*event)] == [0, 2, 4, 5, 7]


def test_only_lines_of_a_level_or_without_one() -> None:
    lines = LogLines(request_id=None, level="WARN")
    messages = ["[INFO]\tx", "[ERROR]\tx", "x", '{"level": "DEBUG"}', '{"level": "WARN"}']
    assert [message for message in messages if lines.takes("a", message)] == ["[ERROR]\tx", "x", '{"level": "WARN"}']


def test_colours_are_for_terminals_alone() -> None:
    assert rendered("now", "[ERROR]\tx\n", is_coloured=False) == "now [ERROR]\tx"
    assert rendered("now", "[ERROR]\tx\n", is_coloured=True) == "\x1b[36mnow\x1b[0m \x1b[31m[ERROR]\tx\x1b[0m"
    assert "\x1b[2J" not in rendered("now", "clear \x1b[2J", is_coloured=True)
    assert rendered("now", f"START RequestId: {ONE}", is_coloured=True).startswith("\x1b[90m")
