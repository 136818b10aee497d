"""Answers of functions, which may be anything."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.edge.http_events.answers import MalformedAnswer, read_answer_v1, read_answer_v2
from alonzo.edge.http_events.stream_prelude import PreludeReader

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20) | st.just("a\r\nb: c"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "statusCode": st.integers(-1, 1_000) | values,
        "headers": st.dictionaries(st.text(max_size=8) | st.sampled_from(["a", "Set-Cookie", "content-length"]), values) | values,
        "multiValueHeaders": st.dictionaries(st.text(max_size=8), st.lists(values, max_size=3)) | values,
        "cookies": st.lists(values, max_size=3) | values,
        "body": st.text() | values,
        "isBase64Encoded": st.booleans() | values,
    },
)


@given(answers | values, st.sampled_from([read_answer_v1, read_answer_v2]))
def test_an_answer_is_malformed_or_can_be_sent(answer: Any, read: Any) -> None:
    try:
        response = read(json.dumps(answer).encode())
    except MalformedAnswer:
        return
    assert 200 <= response.status <= 599
    for name, value in response.headers:
        assert name == name.lower()
        assert not set(name + value) & set(b"\r\n\0")
        assert b" " not in name
        assert name not in {b"content-length", b"transfer-encoding", b"connection"}


@given(st.binary())
def test_whatever_bytes(payload: bytes) -> None:
    for read in (read_answer_v1, read_answer_v2):
        with contextlib.suppress(MalformedAnswer):
            read(payload)


def test_values_of_several_headers_in_format_1() -> None:
    answer = {"statusCode": 200, "headers": {"A": "0", "B": "1"}, "multiValueHeaders": {"a": ["2", "3"]}, "body": "x"}
    response = read_answer_v1(json.dumps(answer).encode(), default_type=None)
    assert sorted(response.headers) == [(b"a", b"2"), (b"a", b"3"), (b"b", b"1")]


def test_format_1_needs_a_status() -> None:
    with pytest.raises(MalformedAnswer):
        read_answer_v1(b'{"body": "x"}')


@given(st.binary(max_size=50), st.lists(st.integers(1, 8), max_size=20))
def test_metadata_are_read_however_they_are_cut(body: bytes, cuts: list[int]) -> None:
    stream = b'{"statusCode": 201, "headers": {"a": "b"}, "cookies": ["c=d"]}' + bytes(8) + body
    reader, position, passed_on = PreludeReader(), 0, b""
    prelude = None
    for cut in [*cuts, len(stream)]:
        part, position = stream[position : position + cut], position + cut
        if not part:
            break
        if prelude is not None:
            passed_on += part
        elif (read := reader.feed(part)) is not None:
            prelude, passed_on = read
    assert prelude is not None
    assert (prelude.status, prelude.headers) == (201, [(b"a", b"b"), (b"set-cookie", b"c=d")])
    assert passed_on == body


def test_metadata_without_an_end() -> None:
    reader = PreludeReader()
    assert reader.feed(b"x" * 100_000) is None
    with pytest.raises(MalformedAnswer):
        reader.feed(b"x" * 100_000)


@pytest.mark.parametrize("metadata", [b"[]", b"{", b'{"statusCode": 99}', b'{"headers": 1}', b'{"cookies": [1, {}]}', b'{"cookies": "a"}'])
def test_metadata_that_are_none(metadata: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        PreludeReader().feed(metadata + bytes(8))
