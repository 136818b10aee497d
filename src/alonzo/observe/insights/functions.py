"""The functions of Logs Insights for one row. They give None where their arguments make no sense.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html.
"""

import ipaddress
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote, unquote

from alonzo.observe.insights.values import Instant, Value, is_less, is_true, number_of, text_of

Function = Callable[..., Value]
_TEXT_MAX = 1_000_000


def _number(compute: Callable[..., float]) -> Function:
    def apply(*values: Value) -> Value:
        numbers = [number_of(value) for value in values]
        if any(number is None for number in numbers):
            return None
        try:
            result = compute(*numbers)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        return result if isinstance(result, int) or math.isfinite(result) else None

    return apply


def _text(compute: Callable[..., Value]) -> Function:
    def apply(*values: Value) -> Value:
        if any(value is None for value in values):
            return None
        return compute(*(text_of(value) for value in values))

    return apply


def _substr(value: Value, start: Value, length: Value = None) -> Value:
    first, count = number_of(start), number_of(length)
    if value is None or first is None:
        return None
    begin = max(0, int(first))
    return text_of(value)[begin:] if count is None else text_of(value)[begin : begin + max(0, int(count))]


def _coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


def _concat(*values: Value) -> Value:
    return "".join(map(text_of, values))[:_TEXT_MAX]


def _replace(value: str, old: str, new: str) -> Value:
    return value.replace(old, new)[:_TEXT_MAX] if old else value


def _greatest(*values: Value) -> Value:
    found = _coalesce(*values)
    for value in values:
        found = value if is_less(found, value) else found
    return found


def _least(*values: Value) -> Value:
    found = _coalesce(*values)
    for value in values:
        found = value if is_less(value, found) else found
    return found


def _address(version: int | None) -> Function:
    def check(value: str) -> Value:
        try:
            return version in {None, ipaddress.ip_address(value).version}
        except ValueError:
            return False

    return _text(check)


def _in_subnet(value: str, subnet: str) -> Value:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(subnet, strict=False)
    except ValueError:
        return False


def _from_millis(value: Value) -> Value:
    number = number_of(value)
    return None if number is None else Instant(number)


def _to_millis(value: Value) -> Value:
    return int(value) if isinstance(value, Instant) else None


FUNCTIONS: Mapping[str, tuple[Function, int, int]] = MappingProxyType(
    {
        "abs": (_number(abs), 1, 1),
        "ceil": (_number(math.ceil), 1, 1),
        "floor": (_number(math.floor), 1, 1),
        "greatest": (_greatest, 1, 20),
        "least": (_least, 1, 20),
        "log": (_number(math.log), 1, 1),
        "sqrt": (_number(math.sqrt), 1, 1),
        "fromMillis": (_from_millis, 1, 1),
        "toMillis": (_to_millis, 1, 1),
        "ispresent": (lambda value: value is not None, 1, 1),
        "isempty": (lambda value: value is None or text_of(value) == "", 1, 1),
        "isblank": (lambda value: value is None or not text_of(value).strip(), 1, 1),
        "coalesce": (_coalesce, 1, 20),
        "if": (lambda condition, yes, no=None: yes if is_true(condition) else no, 2, 3),
        "concat": (_concat, 1, 50),
        "ltrim": (_text(lambda value, characters=None: value.lstrip(characters)), 1, 2),
        "rtrim": (_text(lambda value, characters=None: value.rstrip(characters)), 1, 2),
        "trim": (_text(lambda value, characters=None: value.strip(characters)), 1, 2),
        "strlen": (_text(len), 1, 1),
        "toupper": (_text(str.upper), 1, 1),
        "tolower": (_text(str.lower), 1, 1),
        "substr": (_substr, 2, 3),
        "replace": (_text(_replace), 3, 3),
        "strcontains": (_text(lambda value, part: int(part in value)), 2, 2),
        "urldecode": (_text(unquote), 1, 1),
        "urlencode": (_text(quote), 1, 1),
        "isValidIp": (_address(None), 1, 1),
        "isValidIpv4": (_address(4), 1, 1),
        "isValidIpv6": (_address(6), 1, 1),
        "isIpInSubnet": (_text(_in_subnet), 2, 2),
        "isIpv4InSubnet": (_text(_in_subnet), 2, 2),
        "isIpv6InSubnet": (_text(_in_subnet), 2, 2),
    }
)
"""By name: what they do, and how many arguments they take at least and at most."""
