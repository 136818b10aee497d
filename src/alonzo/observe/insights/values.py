"""What fields hold, and how it is compared, counted with and shown. Pure."""

import math
from datetime import UTC, datetime, timedelta

Value = None | bool | int | float | str

_ZERO = datetime.fromtimestamp(0, UTC)
_DECIMALS = 4


class Instant(int):
    """Milliseconds since 1970, shown as a time."""


def number_of(value: Value) -> float | None:
    """A number, or a text that is one."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def text_of(value: Value) -> str:
    """As results show it; of None nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Instant):
        return _time(value)
    return _decimal(value) if isinstance(value, float) else str(value)


def _time(value: Instant) -> str:
    try:
        return (_ZERO + timedelta(milliseconds=value)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except OverflowError:
        return str(int(value))


def _decimal(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return f"{value:.{_DECIMALS}f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def is_true(value: Value) -> bool:
    """Whether a filter lets it through."""
    return bool(value) and value != "false"


def are_equal(left: Value, right: Value) -> bool:
    """Numbers as such, whatever they are written like; everything else as text. Nothing is equal to what is not there."""
    if left is None or right is None:
        return False
    if not (isinstance(left, str) and isinstance(right, str)):
        numbers = number_of(left), number_of(right)
        if numbers[0] is not None and numbers[1] is not None:
            return numbers[0] == numbers[1]
    return text_of(left) == text_of(right)


def is_less(left: Value, right: Value) -> bool:
    """Numbers as such, everything else as text."""
    if left is None or right is None:
        return False
    numbers = number_of(left), number_of(right)
    if numbers[0] is not None and numbers[1] is not None:
        return numbers[0] < numbers[1]
    return text_of(left) < text_of(right)


def sort_key(value: Value) -> tuple[int, float, str]:
    """What is not there first, then numbers, then texts."""
    if value is None:
        return 0, 0.0, ""
    number = number_of(value)
    return (1, number, "") if number is not None else (2, 0.0, text_of(value))
