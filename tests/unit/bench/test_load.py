"""The load generator against a server that does nothing but echo."""

import socket

from bench.http_messages import signed_request
from bench.limits import started_echo_server
from bench.load import LoadOrder, order_load, run_burst, run_event_load, run_load, run_order, start_load

_BODY = b"{}"


def test_a_load_is_answered() -> None:
    with started_echo_server() as address:
        result = run_load(address, "echo", _BODY, connection_count=2, seconds=0.05)
    assert result.failure_count == 0
    assert result.answered_count > 0
    assert 0 < result.p50_seconds <= result.p99_seconds <= result.max_seconds


def test_a_burst_sends_one_request_a_connection() -> None:
    with started_echo_server() as address:
        result = run_burst(address, "echo", _BODY, connection_count=20)
    assert (result.answered_count, result.failure_count) == (20, 0)


def test_another_answer_than_expected_is_a_failure() -> None:
    with started_echo_server() as address:
        result = run_burst(address, "echo", b"[]", connection_count=3)
    assert (result.answered_count, result.failure_count) == (0, 3)
    assert "HTTP/1.1 200 OK" in result.first_failure


def test_a_burst_tells_when_each_answer_came() -> None:
    with started_echo_server() as address:
        result = run_burst(address, "echo", _BODY, connection_count=20)
    assert len(result.answer_seconds) == 20
    assert list(result.answer_seconds) == sorted(result.answer_seconds)


def test_clients_that_pause_send_less() -> None:
    with started_echo_server() as address:
        result = run_order(order_load(address, "echo", _BODY, connection_count=2, seconds=0.1, pause_seconds=0.03))
    assert result.failure_count == 0
    assert 0 < result.answered_count <= 12


def test_another_status_than_expected_is_a_failure() -> None:
    with started_echo_server() as address:
        requests = (signed_request(address, "echo", b"{}"),)
        result = run_order(LoadOrder(address=address, requests=requests, connection_count=1, rounds=1, expected_status=429))
    assert (result.answered_count, result.failure_count) == (0, 1)


def test_an_event_that_is_answered_with_200_was_not_accepted() -> None:
    with started_echo_server() as address:
        result = run_event_load(address, "echo", connection_count=2, rounds=3, seconds=60, payload=b"")
    assert (result.answered_count, result.failure_count) == (0, 6)


def test_a_connection_that_is_closed_after_its_answer_is_no_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        order = LoadOrder(address=listening.getsockname(), requests=(b"?",), connection_count=2, rounds=1)
        load = start_load(order)
        first, second = listening.accept()[0], listening.accept()[0]
        with first, second:
            first.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            first.shutdown(socket.SHUT_RDWR)
            second.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            result = load.result()
    assert (result.answered_count, result.failure_count) == (2, 0)
