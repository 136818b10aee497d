"""Events and results: any JSON value, byte for byte what AWS's runtime client makes of it, up to the limits."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import simplejson
from awslambdaric.lambda_runtime_marshaller import Encoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.invoking import invoke, succeed
from tests.support.server import Server

PAYLOAD_MAX = 6_291_456
RESPONSE_MAX = 6_291_556

ECHO = "def handler(event, context):\n    return event\n"
DESCRIBES = "def handler(event, context):\n    return ascii(event)\n"
RETURNS = "import decimal, math, datetime\ndef handler(event, context):\n    return eval(event)\n"

any_text = st.text(st.characters(exclude_categories=()))
any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner) | st.dictionaries(any_text, inner),
    max_leaves=30,
)


@st.composite
def json_texts(draw: st.DrawFn) -> bytes:
    """JSON as clients write it: with escapes or without, with white space and without. Lone surrogates are always escaped."""
    value = draw(any_json)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), ("\n,\t", " :\r\n")]))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), separators=separators)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=separators).encode()


@pytest.fixture(scope="module")
def runtime_variables() -> Iterator[None]:
    """The client's encoder looks at the runtime's name."""
    os.environ["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.11"
    yield
    del os.environ["AWS_EXECUTION_ENV"]


@pytest.fixture(scope="module")
def echo(server: Server) -> str:
    """Returns its event."""
    return server.deploy("echo", ECHO, MemorySize=1024, Timeout=30)


@pytest.fixture(scope="module")
def describes(server: Server) -> str:
    """Returns how Python writes its event."""
    return server.deploy("describes", DESCRIBES)


@pytest.fixture(scope="module")
def returns(server: Server) -> str:
    """Returns the Python value that its event describes."""
    return server.deploy("returns", RETURNS, MemorySize=1024)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(payload=json_texts())
@pytest.mark.usefixtures("runtime_variables")
def test_any_json_comes_back_as_the_runtime_client_writes_it(server: Server, echo: str, payload: bytes) -> None:
    answer = invoke(server, echo, payload)
    assert (answer.error, answer.payload) == (None, Encoder().encode(simplejson.loads(payload)).encode())


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(payload=json_texts())
def test_functions_see_events_as_the_runtime_client_reads_them(server: Server, describes: str, payload: bytes) -> None:
    assert succeed(server, describes, payload) == ascii(simplejson.loads(payload))


PLAIN = [
    "null",
    "true",
    "0",
    "-0",
    "-0.0",
    "1e400",
    "1.0",
    "1E2",
    "[]",
    "{}",
    '""',
    '"\\u0000"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
]
PLAIN += [
    '{"a": 1, "a": 2}',
    "  [1,\n2]\t",
    "123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
    '"/\\/"',
    "[" * 500 + "]" * 500,
]


@pytest.mark.parametrize("text", PLAIN, ids=range(len(PLAIN)))
@pytest.mark.usefixtures("runtime_variables")
def test_odd_json_comes_back_as_the_runtime_client_writes_it(server: Server, echo: str, text: str) -> None:
    assert invoke(server, echo, text.encode()).payload == Encoder().encode(simplejson.loads(text)).encode()


@pytest.mark.parametrize("runtime", ["python3.11", "python3.12"])
def test_text_is_escaped_as_the_version_of_the_runtime_does(server: Server, runtime: str) -> None:
    name = server.deploy("escapes-" + runtime.replace(".", "-"), ECHO, Runtime=runtime)
    answer = invoke(server, name, '"ä☔𝄞"'.encode())
    assert answer.payload == ('"ä☔𝄞"'.encode() if runtime == "python3.12" else b'"\\u00e4\\u2614\\ud834\\udd1e"')


def test_a_lone_surrogate_ends_a_runtime_that_does_not_escape(server: Server) -> None:
    """`awslambdaric` encodes the result outside of everything that it guards."""
    name = server.deploy("lone", ECHO, Runtime="python3.12")
    assert invoke(server, name, b'"\\ud800"').value["errorType"] == "Runtime.ExitError"


def test_an_invocation_without_a_payload_has_an_empty_object_as_event(server: Server, echo: str) -> None:
    assert server.client("lambda").invoke(FunctionName=echo)["Payload"].read() == b"{}"
    assert invoke(server, echo, b"").payload == b"{}"


@pytest.mark.parametrize(
    ("expression", "payload"),
    [
        ("b'any \\xff bytes'", b"any \xff bytes"),
        ("math.nan", b"NaN"),
        ("[math.inf, -math.inf]", b"[Infinity, -Infinity]"),
        ("decimal.Decimal('1.10')", b"1.10"),
        ("decimal.Decimal('-NaN')", b"NaN"),
        ("{1: (2, 3), None: 4, 5.5: True}", b'{"1": [2, 3], "null": 4, "5.5": true}'),
        ("10 ** 4000", b"1" + b"0" * 4000),
    ],
)
def test_python_values_come_out_as_the_runtime_client_writes_them(server: Server, returns: str, expression: str, payload: bytes) -> None:
    answer = invoke(server, returns, expression)
    assert (answer.error, answer.payload) == (None, payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"{",
        b"nul",
        b"'x'",
        b"\xff",
        b'"\xed\xa0\x80"',
        b"NaN",
        b"[1,]",
        b'{"a" 1}',
        b"1 2",
        b'"\x01"',
        b"01",
        b"+1",
        b"\xef\xbb\xbf1",
        b"not json",
    ],
)
def test_what_is_no_json_is_refused(server: Server, echo: str, payload: bytes) -> None:
    client = server.client("lambda")
    with pytest.raises(client.exceptions.InvalidRequestContentException) as refused:
        client.invoke(FunctionName=echo, Payload=payload)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert refused.value.response["Error"]["Message"].startswith(
        "Could not parse request body into json: Could not parse payload into json: "
    )
    assert refused.value.response["Type"] == "User"


def padded(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'


def test_six_megabytes_come_and_go(server: Server, echo: str) -> None:
    payload = padded(PAYLOAD_MAX)
    assert invoke(server, echo, payload).payload == payload


def test_a_nested_event_of_six_megabytes_comes_and_goes(server: Server, echo: str) -> None:
    value: Any = [{"key": number, "text": "☔" * 20, "nested": {"list": [number / 7] * 5}} for number in range(24_000)]
    payload = json.dumps(value).encode()
    assert 5_000_000 < len(payload) <= PAYLOAD_MAX
    assert invoke(server, echo, payload).payload == payload


def test_one_byte_more_is_refused(server: Server, echo: str) -> None:
    client = server.client("lambda")
    with pytest.raises(client.exceptions.RequestTooLargeException) as refused:
        client.invoke(FunctionName=echo, Payload=padded(PAYLOAD_MAX + 1))
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"]["Message"] == (
        "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)"
    )


def test_a_result_may_be_as_large_as_the_limit_says_and_no_larger(server: Server, returns: str) -> None:
    largest = invoke(server, returns, f"b'x' * {RESPONSE_MAX}")
    assert (largest.error, len(largest.payload)) == (None, RESPONSE_MAX)
    refused = invoke(server, returns, f"b'x' * {RESPONSE_MAX + 1}")
    assert refused.error == "Unhandled"
    assert refused.value == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": f"Response payload size exceeded maximum allowed payload size ({RESPONSE_MAX} bytes).",
    }


def test_an_invocation_after_a_result_that_was_too_large_is_not_harmed(server: Server, returns: str) -> None:
    for _ in range(3):
        assert invoke(server, returns, f"b'x' * {RESPONSE_MAX + 1}").error == "Unhandled"
        assert succeed(server, returns, "1") == 1


def test_a_result_far_above_the_limit_is_refused_too(server: Server, returns: str) -> None:
    assert invoke(server, returns, "b'x' * 100_000_000").value["errorType"] == "Function.ResponseSizeTooLarge"
