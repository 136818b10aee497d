"""Filter patterns: the examples of AWS's pages, and what must hold of every pattern and message."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.pattern import parse_filter_pattern

APACHE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
TRAIL: dict[str, Any] = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "ThisFlag": True,
    "metrics": {"errorCode": 400, "errorRate": 1.5e-2},
    "cluster.name": "c",
}

MATCHES = [
    ("", "anything"),
    ("ERROR", "[ERROR 400] BAD REQUEST"),
    ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS"),
    ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR"),
    (r'"say \"no\""', 'they say "no"'),
    ("?ERROR ?ARGUMENTS", "[WARN] ARGUMENTS"),
    ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST"),
    ("ERROR ?NOTTHERE", "ERROR"),
    ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST"),
    (r"%5\d\d%", "status 503"),
    ("-%5[0-9]{2}%", "status 404"),
    ('{ $.eventType = "UpdateTrail" }', TRAIL),
    ("{$.eventType=Update*}", TRAIL),
    ('{ $.eventType = "*Trail" }', TRAIL),
    ("{ $.sourceIPAddress != 123.123.* }", TRAIL),
    ('{ $.arrayKey[0] = "value" }', TRAIL),
    ('{ $.arrayKey[*] = "another value" }', TRAIL),
    ("{ $.objectList[1].id = 2 }", TRAIL),
    ("{ $.objectList[*].id > 1 }", TRAIL),
    ("{ $.SomeObject IS NULL }", TRAIL),
    ("{ $.SomeOtherObject NOT EXISTS }", TRAIL),
    ("{ $.ThisFlag IS TRUE }", TRAIL),
    ("{ $.metrics.errorCode >= 4e2 && ($.metrics.errorRate < .1 || $.none IS FALSE) }", TRAIL),
    ("{ $.['cluster.name'] = c }", TRAIL),
    ("{ $.eventType = %Trail$% }", TRAIL),
    ("[ip, user, username, timestamp, request, status_code, bytes]", APACHE),
    ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", APACHE),
    ("[..., status_code = 404 || status_code = 410, bytes > 1000 && bytes < 2000]", APACHE),
    ("[ip = 127.*, ..., bytes]", APACHE),
    ("[ip!=10.* && ip=%1$%, ...]", APACHE),
    ('[..., request = "GET *", status_code, bytes]', APACHE),
]
NO_MATCHES = [
    ("error", "ERROR"),
    ("ERROR ARGUMENTS", "ERROR"),
    ("?ERROR ?WARN", "INFO"),
    ("ERROR -ARGUMENTS", "ERROR ARGUMENTS"),
    (r"%5\d\d%", "status 404"),
    ('{ $.eventType = "updatetrail" }', TRAIL),
    ('{ $.none != "x" }', TRAIL),
    ("{ $.eventType IS NULL }", TRAIL),
    ("{ $.none IS NULL }", TRAIL),
    ("{ $.metrics.errorCode = 401 }", TRAIL),
    ("{ $.metrics = 1 }", TRAIL),
    ("{ $.arrayKey[7] EXISTS }", TRAIL),
    ("{ $.a = 1 }", "no JSON"),
    ("{ $.a = 1 }", '{"a": 1'),
    ("{ $.a = 1 }", "[" * 100_000),
    ("{ $.a = 1 }", '{"a": "\ud800"}'),
    ("[ip, user]", APACHE),
    ("[..., bytes > 2000]", APACHE),
    ("[..., bytes > 0]", "no number"),
]


def text_of(message: Any) -> str:
    return message if isinstance(message, str) else json.dumps(message)


@pytest.mark.parametrize(("pattern", "message"), MATCHES)
def test_patterns_that_match(pattern: str, message: Any) -> None:
    assert parse_filter_pattern(pattern).match(text_of(message)) is not None


@pytest.mark.parametrize(("pattern", "message"), NO_MATCHES)
def test_patterns_that_do_not(pattern: str, message: Any) -> None:
    assert parse_filter_pattern(pattern).match(text_of(message)) is None


@pytest.mark.parametrize(
    "pattern",
    [
        *("ERROR:", '"open', "%a", "%%", "%a(b)%", "%a!%", "%[%", "%a**%", "-", "a/b"),
        *("{", "{}", "{ $.a }", "{ $.a = }", "{ a = 1 }", "{ $.a = 1 } x", "{ $.a > x }", "{ $.a = 1 && }", "{ ($.a = 1 }"),
        *("{ " + "(" * 400 + "$.a = 1" + ")" * 400 + " }", "{ $.a=%a% || $.a=%b% || $.a=%c% }", "{ $ = 1 }", "{ $.a IS MAYBE }"),
        *("[", "[a", "[a, a]", "[..., a, ...]", "[a = ]", "[a > x]", "[a b]", "[a] b", "[a = 1 &&]", "x" * 1_025),
    ],
)
def test_patterns_that_are_none(pattern: str) -> None:
    with pytest.raises(FilterPatternInvalid):
        parse_filter_pattern(pattern)


def test_what_is_found_has_names() -> None:
    columns = parse_filter_pattern("[ip, , user, time, request, ..., bytes]")
    assert columns.match(APACHE) == {
        "ip": "127.0.0.1",
        "$2": "-",
        "user": "frank",
        "time": "10/Oct/2000:13:25:15 -0700",
        "request": "GET /index.html HTTP/1.0",
        "bytes": "1534",
    }
    selection = parse_filter_pattern("{ $.metrics.errorCode = 400 && $.ThisFlag IS TRUE && $.objectList[*].id = 2 }")
    assert selection.match(json.dumps(TRAIL)) == {"$.metrics.errorCode": "400", "$.ThisFlag": "true", "$.objectList[*].id": "1"}


@given(pattern=st.text(max_size=80) | st.text(alphabet='{}[]()$."%*=<>!&|?-\\ aIS0,', max_size=60), message=st.text(max_size=200))
def test_every_pattern_is_one_or_is_refused_and_matches_or_not(pattern: str, message: str) -> None:
    try:
        parsed = parse_filter_pattern(pattern)
    except FilterPatternInvalid:
        return
    found = parsed.match(message)
    assert found is None or all(isinstance(value, str) for value in found.values())


@given(words=st.lists(st.text(max_size=8), min_size=1, max_size=4), message=st.text(max_size=60))
def test_quoted_terms_are_what_a_message_contains(words: list[str], message: str) -> None:
    def quoted(word: str) -> str:
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def matches(pattern: str) -> bool:
        return parse_filter_pattern(pattern).match(message) is not None

    assert matches(" ".join(map(quoted, words))) == all(word in message for word in words)
    assert matches(" ".join("?" + quoted(word) for word in words)) == any(word in message for word in words)
    assert matches(" ".join("-" + quoted(word) for word in words)) == (not any(word in message for word in words))


@given(value=st.integers(-(10**9), 10**9), limit=st.integers(-(10**9), 10**9), name=st.from_regex(r"[a-z]{1,8}", fullmatch=True))
def test_numbers_compare_as_numbers(value: int, limit: int, name: str) -> None:
    message = json.dumps({name: value})
    columns = f"x {value}"
    for sign, holds in {"<": value < limit, "<=": value <= limit, "=": value == limit, "!=": value != limit, ">": value > limit}.items():
        assert (parse_filter_pattern(f"{{ $.{name} {sign} {limit} }}").match(message) is not None) == holds
        if sign not in {"=", "!="}:
            assert (parse_filter_pattern(f"[first, {name}y {sign} {limit}]").match(columns) is not None) == holds


@given(parts=st.lists(st.text(alphabet="abx", max_size=4), min_size=1, max_size=4), between=st.lists(st.text(alphabet="abxy", max_size=4)))
def test_stars_stand_for_anything(parts: list[str], between: list[str]) -> None:
    text = "".join(part + (between[index % len(between)] if between and index < len(parts) - 1 else "") for index, part in enumerate(parts))
    assert parse_filter_pattern(f'{{ $.v = "{"*".join(parts)}" }}').match(json.dumps({"v": text})) is not None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("%" + "a*" * 40 + "b%", "a" * 200_000),
        ("[" + ",".join(f"c{n}" for n in range(200)) + ", ...]", "[ " * 100_000),
        ('{ $.v = "' + "*a" * 200 + '*b" }', json.dumps({"v": "a" * 200_000})),
    ],
)
def test_no_message_holds_a_pattern_up(pattern: str, message: str) -> None:
    """Generous: in the time of a machine that is busy with other things; without bounds these take hours."""
    began = time.process_time()
    parse_filter_pattern(pattern).match(message)
    assert time.process_time() - began < 10
