"""Answers recognized, whole or not."""

import httptools
import pytest
from bench.http_messages import Response, parse_response, signed_request

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def test_a_whole_answer_is_recognized() -> None:
    assert parse_response(_ANSWER) == Response(200, b"{}", is_success=True)


@pytest.mark.parametrize("length", range(len(_ANSWER)))
def test_a_part_of_an_answer_is_none(length: int) -> None:
    assert parse_response(_ANSWER[:length]) is None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-amz-function-error: Unhandled\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_an_error_is_no_success(answer: bytes) -> None:
    response = parse_response(answer)
    assert response is not None
    assert not response.is_success


def test_an_accepted_event_is_a_success() -> None:
    response = parse_response(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
    assert response == Response(202, b"", is_success=True)


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="without a length"):
        parse_response(b"HTTP/1.1 200 OK\r\n\r\n")


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n"


def test_an_answer_in_chunks_is_put_together() -> None:
    assert parse_response(_CHUNKED) == Response(200, b"{}", is_success=True)


@pytest.mark.parametrize("length", range(len(_CHUNKED)))
def test_a_part_of_an_answer_in_chunks_is_none(length: int) -> None:
    assert parse_response(_CHUNKED[:length]) is None


def test_a_request_is_one_that_servers_understand() -> None:
    seen: dict[str, bytes] = {}

    class Receiver:
        def on_url(self, url: bytes) -> None:
            seen["url"] = url

        def on_header(self, name: bytes, value: bytes) -> None:
            if name.lower() == b"x-amz-invocation-type":
                seen["type"] = value

        def on_body(self, body: bytes) -> None:
            seen["body"] = body

        def on_message_complete(self) -> None:
            seen["complete"] = b"yes"

    httptools.HttpRequestParser(Receiver()).feed_data(signed_request(("127.0.0.1", 4566), "hello", b"{}"))
    whole = {"url": b"/2015-03-31/functions/hello/invocations", "body": b"{}", "complete": b"yes"}
    assert seen == whole
    event = signed_request(("127.0.0.1", 4566), "hello", b"{}", invocation_type="Event")
    httptools.HttpRequestParser(Receiver()).feed_data(event)
    assert seen == whole | {"type": b"Event"}
