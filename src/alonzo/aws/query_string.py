"""The query string of a request, decoded within limits."""

from urllib.parse import parse_qsl

from alonzo.aws.api_error import serialization_error

QUERY_PARAMETERS_MAX = 1_000
"""Ours: no operation has a tenth of them; it bounds the work that a hostile request can ask for."""


def query_items(query_string: str) -> list[tuple[str, str]]:
    """Names and values in the order of the request, parameters without a value included."""
    try:
        return parse_qsl(query_string, keep_blank_values=True, max_num_fields=QUERY_PARAMETERS_MAX)
    except ValueError as error:
        raise serialization_error(f"Could not parse the query string: {error}") from error
