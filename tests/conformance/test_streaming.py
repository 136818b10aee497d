"""Streamed responses: parts as they are written, and errors on the way."""

import json
from typing import Any

from tests.conformance.features import Feature
from tests.conformance.house import House, every_language

_PARTS = ["one", "zwei ☔", "three"]


def stream(house: House, name: str, event: Any) -> tuple[list[bytes], dict[str, Any]]:
    """The parts that came, and how it ended."""
    answer = house.server.client("lambda").invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event, ensure_ascii=False))
    events = list(answer["EventStream"])
    parts = [event["PayloadChunk"]["Payload"] for event in events[:-1]]
    return parts, events[-1]["InvokeComplete"]


@every_language(Feature.STREAMING)
def test_parts_come_as_they_are_written(house: House) -> None:
    parts, end = stream(house, house.shared("stream"), {"parts": _PARTS, "pause_ms": 100, "fails": False})
    assert b"".join(parts) == house.language.stream_prelude + "".join(_PARTS).encode()
    assert len(parts) > 1
    assert end == {}


@every_language(Feature.STREAMING)
def test_a_buffered_invocation_gets_the_parts_together(house: House) -> None:
    payload = json.dumps({"parts": _PARTS, "pause_ms": 0, "fails": False}, ensure_ascii=False).encode()
    answer = house.invoke(house.shared("stream"), payload)
    assert (answer.error, answer.payload) == (None, house.language.stream_prelude + "".join(_PARTS).encode())


@every_language(Feature.STREAM_ERRORS)
def test_an_error_in_mid_stream_is_told_at_the_end(house: House) -> None:
    parts, end = stream(house, house.shared("stream"), {"parts": ["begun"], "pause_ms": 100, "fails": True})
    assert parts == [b"begun"]
    assert end["ErrorCode"] == "Unhandled"
    details = json.loads(end["ErrorDetails"])
    assert (details["errorType"].lower(), details["errorMessage"]) == ("noweather", "on the way")


@every_language(Feature.STREAM_ERRORS)
def test_an_error_before_the_first_part_is_told_the_same_way(house: House) -> None:
    parts, end = stream(house, house.shared("stream"), {"parts": [], "pause_ms": 0, "fails": True})
    assert (b"".join(parts), end["ErrorCode"]) == (b"", "Unhandled")
    assert json.loads(end["ErrorDetails"])["errorMessage"] == "on the way"
