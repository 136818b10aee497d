"""Whether a payload is JSON, as AWS's parser (Jackson) sees it: checked before a function is troubled with it."""

import json
from typing import NoReturn

import msgspec

from alonzo.aws.api_error import ApiError


def check_json(payload: bytes) -> None:
    """Raise `InvalidRequestContentException` unless the payload is one JSON value in UTF-8."""
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Stricter than AWS in one point: it refuses escapes of lone surrogates, which Jackson and Python's own parser let pass.
        _check_leniently(payload)


def _check_leniently(payload: bytes) -> None:
    try:
        json.loads(payload.decode("utf-8"), parse_constant=_refuse_constant, parse_int=len, parse_float=len)
    except (ValueError, RecursionError) as error:
        detail = str(error) or type(error).__name__
        message = f"Could not parse request body into json: Could not parse payload into json: {detail}"
        raise ApiError(code="InvalidRequestContentException", message=message, http_status=400) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"Unrecognized token '{name}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')")
