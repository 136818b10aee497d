"""Metric math."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.observe.metrics.expressions import BadExpression, Inputs, Series, evaluate_expression

TIMES = (0, 60, 120, 180)
ERRORS: Series = {0: 1.0, 60: 0.0, 180: 4.0}
CALLS: Series = {0: 10.0, 60: 0.0, 120: 5.0, 180: 8.0}
INPUTS = Inputs(series={"e": ERRORS, "i": CALLS}, metrics=("e", "i"), periods={"e": 60, "i": 60}, period=60, times=TIMES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e / i", {0: 0.1, 180: 0.5}),
        ("100 * e / i", {0: 10.0, 180: 50.0}),
        ("1 + 2 * 3 ^ 2", dict.fromkeys(TIMES, 19.0)),
        ("-(e - 1)", {0: 0.0, 60: 1.0, 180: -3.0}),
        ("SUM(METRICS())", {0: 11.0, 60: 0.0, 120: 5.0, 180: 12.0}),
        ('SUM(METRICS("e"))', ERRORS),
        ("SUM([e, i])", {0: 11.0, 60: 0.0, 120: 5.0, 180: 12.0}),
        ("MAX(e)", dict.fromkeys(TIMES, 4.0)),
        ("AVG([e, i])", {0: 5.5, 60: 0.0, 120: 5.0, 180: 6.0}),
        ("FILL(e, 7)", {0: 1.0, 60: 0.0, 120: 7.0, 180: 4.0}),
        ("FILL(e, REPEAT)", {0: 1.0, 60: 0.0, 120: 0.0, 180: 4.0}),
        ("FILL(e, LINEAR)", {0: 1.0, 60: 0.0, 120: 2.0, 180: 4.0}),
        ("IF(i > 5, i, 0)", {0: 10.0, 60: 0.0, 120: 0.0, 180: 8.0}),
        ("IF(i >= 8 AND e > 1, i)", {180: 8.0}),
        ("i / PERIOD(i)", {0: 10 / 60, 60: 0.0, 120: 5 / 60, 180: 8 / 60}),
        ("DIFF(i)", {60: -10.0, 120: 5.0, 180: 3.0}),
        ("RUNNING_SUM(e)", {0: 1.0, 60: 1.0, 180: 5.0}),
        ("ABS(0 - e)", ERRORS),
    ],
)
def test_computes(text: str, expected: Series) -> None:
    assert evaluate_expression(text, INPUTS) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "e +", "x", "SEARCH('a', 'b')", "[e, i]", "(e", "e e", "1/0", "((" * 40, "SUM()", "METRICS(", "-" * 3000]
)
def test_refuses_what_it_cannot_compute(text: str) -> None:
    with pytest.raises(BadExpression):
        evaluate_expression(text, INPUTS)


@given(st.text(alphabet='ei019.+-*/^()[],<>=!&|"ASUMVGIFLRTEO ', max_size=60))
def test_any_text_is_an_answer_or_refused(text: str) -> None:
    try:
        result = evaluate_expression(text, INPUTS)
    except BadExpression:
        return
    assert isinstance(result, dict)
