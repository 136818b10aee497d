"""Whatever is posted as an event is understood or refused with 400: headers and bodies are anybody's."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.aws.api_error import ApiError
from alonzo.edge.cloud_events import read_binary, read_structured
from alonzo.edge.storage_events import is_of_storage, records_of, source_of

_keys = st.sampled_from(["s3", "object", "size", "eventName", "id", "specversion", "source", "type"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just("1.0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=5),
    max_leaves=12,
)
_names = st.sampled_from([b"ce-specversion", b"ce-id", b"ce-source", b"ce-type", b"ce-subject", b"ce-", b"ce-a-b", b"host"])
_types = st.none() | st.text(max_size=20) | st.sampled_from(["application/json", "text/plain", "application/x+json"])


def read(reader: Callable[[], Any]) -> Any:
    """What was understood, or the status of the refusal."""
    try:
        return reader()
    except ApiError as error:
        return error.http_status


@given(content=_json)
def test_any_json_is_cloud_events_or_refused(content: Any) -> None:
    found = read(lambda: read_structured(content))
    assert found == 400 or all(event["id"] and event["source"] for event in found)


@given(headers=st.lists(st.tuples(_names, st.binary(max_size=8) | st.just(b"1.0"))), content_type=_types, body=st.binary(max_size=20))
def test_any_headers_are_a_cloud_event_or_refused(headers: list[tuple[bytes, bytes]], content_type: str | None, body: bytes) -> None:
    found = read(lambda: read_binary(headers, content_type, body))
    assert found == 400 or (found["specversion"] in {"1.0", "0.3"} and not ("data" in found and "data_base64" in found))


@given(records=st.lists(_json, max_size=3))
def test_any_records_are_those_of_s3_or_refused(records: list[Any]) -> None:
    content = {"Records": records}
    if is_of_storage(content):
        found = read(lambda: records_of(content, region="eu-west-1"))
        assert found == 400 or [record["eventSource"] for record in found] == ["aws:s3"] * len(records)
        assert all(source_of(content, index) for index in range(len(records)))


def test_a_batch_has_an_end() -> None:
    with pytest.raises(ApiError):
        read_structured([{}] * 1_001)
