"""What metric filters read in messages, and which of them are none."""

import re

import pytest

from alonzo.model.log_group import MetricFilter
from alonzo.observe.metrics.from_logs import DimensionsUnsupported, LogMetricReader, MetricTransformationInvalid, Reading


def a_filter(pattern: str, value: str = "1", *, default: float | None = None, **dimensions: str) -> MetricFilter:
    return MetricFilter(
        name="f", pattern=pattern, created_unix_ms=0, metric="m", namespace="n", value=value, default=default, dimensions=dimensions
    )


@pytest.mark.parametrize(
    ("each", "message", "expected"),
    [
        (a_filter("ERROR"), "an ERROR", Reading(1.0, ())),
        (a_filter("ERROR"), "all is well", None),
        (a_filter("", "2.5"), "whatever", Reading(2.5, ())),
        (a_filter("{ $.took = * }", "$.took"), '{"took": 12.5}', Reading(12.5, ())),
        (a_filter("{ $.took = * }", "$.took"), '{"took": "7"}', Reading(7.0, ())),
        (a_filter("{ $.took = * }", "$.took"), '{"took": "long"}', Reading(None, ())),
        (a_filter("{ $.took = * }", "$.took"), '{"took": true}', Reading(None, ())),
        (a_filter("{ $.took = * }", "$.took"), '{"took": 1e200}', Reading(None, ())),
        (a_filter('{ $.level = "E" }', "$.at[1].n"), '{"level": "E", "at": [{}, {"n": 3}]}', Reading(3.0, ())),
        (a_filter('{ $.level = "E" }', service="$.service"), '{"level": "E", "service": "shop"}', Reading(1.0, (("service", "shop"),))),
        (a_filter('{ $.level = "E" }', service="$.service"), '{"level": "E"}', Reading(None, ())),
        (a_filter("[ip, user, size > 9]", "$size"), "1.2.3.4 me 10", Reading(10.0, ())),
        (a_filter("[ip, user]", user="$user"), "1.2.3.4 \ud800x", Reading(1.0, (("user", "?x"),))),
        (a_filter("[ip, , size]", "$size", user="$2", ip="$ip"), "1.2.3.4 me 10", Reading(10.0, (("ip", "1.2.3.4"), ("user", "me")))),
    ],
)
def test_what_a_filter_reads(each: MetricFilter, message: str, expected: Reading | None) -> None:
    assert LogMetricReader(each).read(message) == expected


@pytest.mark.parametrize(
    ("each", "error", "message"),
    [
        (a_filter("ERROR", "many"), MetricTransformationInvalid, "metric value many must be a valid number"),
        (a_filter("ERROR", "$.a"), MetricTransformationInvalid, "metric value $.a must be a valid number"),
        (a_filter("[a, b]", "$c"), MetricTransformationInvalid, "metric value $c must be a valid number"),
        (
            a_filter("{ $.a = 1 }", "$b"),
            MetricTransformationInvalid,
            "metric value $b must be a valid number",
        ),
        (a_filter("ERROR", a="$.a"), DimensionsUnsupported, "The specified filter pattern does not support dimensions"),
        (
            a_filter("{ $.a = 1 }", default=0, a="$.a"),
            MetricTransformationInvalid,
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties",
        ),
        (
            a_filter("{ $.a = 1 }", a="literally"),
            MetricTransformationInvalid,
            "Invalid metric transformation: dimension value must be valid selector",
        ),
        (
            a_filter("[a, b]", a="$c"),
            MetricTransformationInvalid,
            "Invalid metric transformation: dimension value must be valid selector",
        ),
        (
            a_filter("{ $.a = 1 }", a="$.a", b="$.b", c="$.c", d="$.d"),
            MetricTransformationInvalid,
            "Invalid metric transformation: there can be at most 3 dimensions",
        ),
    ],
)
def test_what_is_no_filter(each: MetricFilter, error: type[ValueError], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        LogMetricReader(each)
