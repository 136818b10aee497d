"""The load generator against a server that does nothing but echo."""

from bench.limits import started_echo_server
from bench.load import run_burst, run_load

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
