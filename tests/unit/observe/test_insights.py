"""Logs Insights' language: what each command makes of events, what is discovered in them, and what is no query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.observe.insights.errors import QueryFailed, QueryMalformed
from alonzo.observe.insights.query import parse_query
from alonzo.observe.insights.rows import EventBatch, EventRow, Row, discovered

REPORT = (
    "REPORT RequestId: 8f5a3f3c-0000-4000-8000-000000000001\tDuration: 12.50 ms\tBilled Duration: 13 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 30 MB\tInit Duration: 99.10 ms\t\n"
)
MESSAGES = [
    '{"level": "INFO", "user": {"id": 1, "tags": ["a", "b"]}, "took": 10, "ok": true}',
    '{"level": "ERROR", "user": {"id": 2}, "took": 30, "ok": false}',
    '{"level": "INFO", "user": {"id": 1}, "took": 20}',
    "plain [ERROR] path=/a status=500",
    REPORT,
]


def rows() -> list[Row]:
    return [
        EventRow(1_000_000 + n * 60_000, message, n, EventBatch(ingestion_ms=0, stream=f"s{n % 2}", log="1:/g", pointer="p"))
        for n, message in enumerate(MESSAGES)
    ]


def not_asked() -> None:
    """Of what these tests are not about."""


def run(query: str) -> list[dict[str, str]]:
    return [{name: value for name, value in result if name != "@ptr"} for result in parse_query(query).run(rows(), note_matched=not_asked)]


def values(query: str) -> list[list[str]]:
    return [list(result.values()) for result in run(query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fields @timestamp | limit 1", [["1970-01-01 00:20:40.000"]]),
        ("fields @logStream, @log | sort @timestamp | limit 1", [["s0", "1:/g"]]),
        ('filter level = "ERROR" | fields user.id', [["2"]]),
        ("filter user.id = 1 and took > 10 | fields took", [["20"]]),
        ("filter user.tags.1 = 'b' | fields took", [["10"]]),
        ("filter took >= 10 and not (took = 20) | fields took | sort took desc", [["30"], ["10"]]),
        ("filter level in ['ERROR', 'WARN'] or took = 10 | fields took | sort took", [["10"], ["30"]]),
        ("filter level not in ['ERROR'] | sort took | fields took", [[], [], ["10"], ["20"]]),
        ("filter @message like /(?i)error/ | stats count(*)", [["2"]]),
        ("filter @message like 'status' | stats count() as n", [["1"]]),
        ("filter @message not like /ERROR/ | stats count(*) as n", [["3"]]),
        ("filter @message =~ /path=\\/a/ | stats count(*)", [["1"]]),
        ("filter ispresent(took) and ok = true | fields took", [["10"]]),
        ('parse @message "path=* status=*" as path, status | filter status = 500 | fields path, status', [["/a", "500"]]),
        ("parse @message /status=(?<code>\\d+)/ | filter ispresent(code) | fields code + 1 as next", [["501"]]),
        ("stats sum(took), avg(took), min(took), max(took), count(took)", [["60", "20", "10", "30", "3"]]),
        ("stats pct(took, 50) as p50, median(took) as m, stddev(took) as d", [["20", "20", "8.165"]]),
        ("filter ispresent(took) | stats sum(took) as s by level | sort s desc, level", [["INFO", "30"], ["ERROR", "30"]][::-1]),
        ("stats count_distinct(level)", [["2"]]),
        ("stats earliest(took), latest(took)", [["10", "20"]]),
        (
            "filter took > 0 | stats count(*) as n by bin(2m) as t | sort t",
            [["1970-01-01 00:16:00.000", "2"], ["1970-01-01 00:18:00.000", "1"]],
        ),
        ("stats sum(took) / count(took) * 2 as x", [["40"]]),
        ("filter ispresent(took) | stats max(took) as m by level | stats sum(m) as total", [["50"]]),
        (
            "filter @type = 'REPORT' | fields @duration, @billedDuration, @memorySize / 1000 / 1000, @initDuration",
            [["12.5", "13", "128", "99.1"]],
        ),
        ("filter @type = 'REPORT' | display @requestId", [["8f5a3f3c-0000-4000-8000-000000000001"]]),
        ("fields level | dedup level | sort level", [["ERROR"], ["INFO"]]),
        ("fields concat(toupper(level), '-', strlen(level)) as x | filter level = 'INFO' | limit 1", [["INFO-4"]]),
        ("fields 2 + 3 * 4 ^ 2 - -1 as x | limit 1", [["51"]]),
        ("fields 7 % 4 as a, 10 / 4 as b, abs(-3) as c, floor(2.7) as d | limit 1", [["3", "2.5", "3", "2"]]),
        ("fields 1 / 0 as x | limit 1", [[]]),
        ("fields if(took > 15, 'slow', 'fast') as s | filter took = 30 | limit 1", [["slow"]]),
        ("# a comment\nfields `took` | filter took = 30", [["30"]]),
        ("FIELDS took | FILTER took = 30 | LIMIT 1", [["30"]]),
    ],
)
def test_queries(query: str, expected: list[list[str]]) -> None:
    assert values(query) == expected


def test_the_newest_come_first_with_a_pointer_to_each() -> None:
    results = list(parse_query("filter ispresent(took)").run(rows(), note_matched=not_asked))
    assert [[name for name, _ in result] for result in results] == [["@timestamp", "@message", "@ptr"]] * 3
    assert [result[2][1] for result in results] == ["p-2", "p-1", "p-0"]


def test_columns_have_the_names_that_were_written() -> None:
    (row, *_) = run("stats count(*), max( took ) by bin(1h), level | sort level desc | limit 1")
    assert list(row) == ["bin(1h)", "level", "count(*)", "max( took )"]


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("", 0, 0),
        ("count(*)", 0, 5),
        ("fields @timestamp | count()", 20, 25),
        ("filter", 6, 6),
        ("filter a = ", 11, 11),
        ("filter a like 5", 14, 15),
        ("filter a like /(/", 14, 17),
        ("filter sum(a) > 1", 7, 10),
        ("fields nothing(a)", 7, 14),
        ("limit 0", 6, 7),
        ("limit 10001", 6, 11),
        ("stats sum(count(*))", 10, 15),
        ("parse @message '* *' as a", 15, 20),
        ("parse @message /no group/", 15, 25),
        ("fields a | ", 11, 11),
        ("fields a ;", 9, 10),
    ],
)
def test_what_is_no_query_is_refused_where_it_is_wrong(query: str, start: int, end: int) -> None:
    with pytest.raises(QueryMalformed) as caught:
        parse_query(query)
    assert (caught.value.start, caught.value.end) == (start, end)


def test_nesting_is_bounded() -> None:
    with pytest.raises(QueryMalformed):
        parse_query("filter " + "(" * 2_000 + "a" + ")" * 2_000)


def test_too_many_groups_fail() -> None:
    batch = EventBatch(ingestion_ms=0, stream="s", log="l", pointer="p")
    many = (EventRow(n, str(n), n, batch) for n in range(10_001))
    with pytest.raises(QueryFailed):
        list(parse_query("stats count(*) by @message").run(many, note_matched=not_asked))


def test_prefixed_json_is_discovered_beside_the_request_id() -> None:
    message = '2026-11-21T10:00:00Z\t8f5a3f3c-0000-4000-8000-000000000001\tINFO\t{"a": {"b": 1}}'
    assert discovered(message) == {"a.b": 1, "@requestId": "8f5a3f3c-0000-4000-8000-000000000001"}


WORDS = [
    "fields",
    "filter",
    "stats",
    "parse",
    "sort",
    "limit",
    "dedup",
    "display",
    "|",
    ",",
    "(",
    ")",
    "[",
    "]",
    "=",
    "like",
    "in",
    "and",
    "not",
]
WORDS += [
    "@message",
    "took",
    "level",
    "'x'",
    "/x/",
    "5",
    "1m",
    "count(*)",
    "sum(took)",
    "bin(5m)",
    "by",
    "as",
    "desc",
    "*",
    "-",
    "/",
    "^",
    "`a b`",
    "true",
]


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_any_words_are_a_query_that_runs_or_are_refused(query: str) -> None:
    try:
        parsed = parse_query(query)
    except QueryMalformed as error:
        place = (error.start, error.end)
    else:
        list(parsed.run(rows(), note_matched=not_asked))
        return
    assert 0 <= place[0] <= place[1] <= len(query)


@given(st.text(max_size=40))
def test_any_text_is_refused_or_runs(text: str) -> None:
    try:
        parsed = parse_query(f"filter {text}")
    except QueryMalformed:
        return
    list(parsed.run(rows(), note_matched=not_asked))


@given(st.text(max_size=200))
def test_any_message_can_be_looked_into(message: str) -> None:
    discovered(message)
    discovered("{" + message)


@pytest.mark.parametrize(
    ("query", "matched", "results"),
    [
        ("fields @message", 5, 5),
        ("fields took | filter ispresent(took) | limit 1", 3, 1),
        ("filter took > 10 | stats count(*)", 2, 1),
        ("parse @message 'status=*' as status | filter status = 500 | sort status | limit 3", 1, 1),
        ("fields took | filter took > 10 | dedup took | filter took > 20", 2, 1),
    ],
)
def test_what_was_found_is_counted_whatever_becomes_of_it(query: str, matched: int, results: int) -> None:
    found: list[int] = []
    assert len(list(parse_query(query).run(rows(), note_matched=lambda: found.append(1)))) == results
    assert len(found) == matched
