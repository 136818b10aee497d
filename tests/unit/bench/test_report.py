"""The table."""

from bench.figures import Figure, Limit, Promise
from bench.report import render_table


def test_a_row_has_figure_limit_ratio_and_promise() -> None:
    figure = Figure(row="warm: p50", value=0.25, unit="ms", limit=Limit(0.1, "an echo"), promise=Promise(below=0.35))
    row = render_table([figure]).splitlines()[2]
    assert row.split("  ") == ["warm: p50", "0.250 ms", " 0.100 ms", "2.50x", "< 0.35 ms", "kept", "an echo"]


def test_failures_and_notes_are_told() -> None:
    promise = Promise(at_least=7000)
    figure = Figure(row="rate", value=8123.4, unit="/s", limit=Limit(9000, "an echo"), promise=promise, failure_count=3, note="p50 1 ms")
    table = render_table([figure])
    assert "8,123 /s" in table
    assert "MISSED, 3 failed" in table
    assert table.endswith("rate: p50 1 ms")
