"""Events and results: any JSON value, large ones, many at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.conformance.features import Feature
from tests.conformance.house import House, every_language

VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, -2.5e-7, 9_007_199_254_740_991, "", [], {}, [None], [[], {}], {"": {"a": [1, "2", None, True, {}]}}),
    *("täglich ☔", "𝄞 😀 \U0010ffff", "\u0000\u001f\u007f\u2028", 'a"b\\c/d\n\t', "<&>'", "%s {} ${x}", {"ключ 🔑": "значение"}),
]
_LARGE = 5_900_000
_RESPONSE_MAX_BYTES = 6_291_556
_CALLERS = 20


@every_language(Feature.VALUES)
def test_any_value_comes_back(house: House) -> None:
    name = house.shared("echo")
    answers = [house.succeed(name, value) for value in VALUES]
    assert [(type(answer), answer) for answer in answers] == [(type(value), value) for value in VALUES]


@every_language(Feature.VALUES)
@pytest.mark.parametrize("text", ['"\\u00e4\\u2614\\ud834\\udd1e"', '"\\/\\b\\f"', ' {"a" :\n[ 1 ,2]\t} '])
def test_escapes_and_white_space_are_understood(house: House, text: str) -> None:
    assert house.invoke(house.shared("echo"), text.encode()).value == json.loads(text)


@every_language(Feature.SIZES)
def test_large_values_come_back(house: House) -> None:
    value = {"text": "ü☔😀" * (_LARGE // 9)}
    assert house.succeed(house.shared("echo"), value | {"text": "x" * _LARGE}) == {"text": "x" * _LARGE}
    small = {"text": value["text"][: _LARGE // 12]}  # each of these takes up to 12 bytes where a client escapes it
    assert house.succeed(house.shared("echo"), small) == small


@every_language(Feature.SIZES)
def test_a_result_that_is_too_large_is_an_error_and_the_next_is_none(house: House) -> None:
    answer = house.invoke(house.shared(), {"do": "fill", "bytes": _RESPONSE_MAX_BYTES})
    assert (answer.error, answer.value) == (
        "Unhandled",
        {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": f"Response payload size exceeded maximum allowed payload size ({_RESPONSE_MAX_BYTES} bytes).",
        },
    )
    assert len(house.do("fill", bytes=_LARGE)) == _LARGE


@every_language(Feature.CONCURRENCY)
def test_many_at_once_get_their_own_answers(house: House) -> None:
    name = house.deploy("many", Timeout=110)  # twenty Java machines start together, on whatever CPU is left

    def call(number: int) -> str:
        token: str = house.succeed(name, {"do": "wait", "seconds": 0.1, "token": f"number {number}"})
        return token

    with ThreadPoolExecutor(_CALLERS) as pool:
        assert list(pool.map(call, range(_CALLERS))) == [f"number {number}" for number in range(_CALLERS)]
