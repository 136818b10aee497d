"""What requests of the CloudWatch Logs API have in common: how they name a group, a pattern and a place to go on from."""

from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.model.scope import Scope
from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.pattern import FilterPattern, parse_filter_pattern


def invalid(message: str) -> ApiError:
    """What a request says that it may not."""
    return ApiError(code="InvalidParameterException", message=message, http_status=400)


def group_of(parameters: dict[str, Any]) -> str:
    """A group by name, or by ARN as `logGroupIdentifier`."""
    name = parameters.get("logGroupName") or parameters.get("logGroupIdentifier")
    if not name:
        raise invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")
    return str(name).rpartition(":log-group:")[2].removesuffix(":*")


def group_arn(scope: Scope, group: str) -> str:
    """Without the `:*` that it has in some answers."""
    return f"arn:{scope.partition}:logs:{scope.region}:{scope.account_id}:log-group:{group}"


def checked_pattern(text: str) -> FilterPattern:
    """A filter pattern; ApiError if it is none."""
    try:
        return parse_filter_pattern(text)
    except FilterPatternInvalid as error:
        raise invalid(f"Invalid filter pattern: {error}") from error


def offset_of(token: str | None) -> int:
    """A `nextToken` that counts what has been told already."""
    if token is None:
        return 0
    if not token.isascii() or not token.isdigit():
        raise invalid("The specified nextToken is invalid.")
    return int(token)
