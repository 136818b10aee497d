"""Values that configurations name: `$request.header.x`, `$request.querystring.x`, `$context.x`, `$stageVariables.x`, `$request.body.x`.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html#http-api-lambda-authorizer.identity-sources
"""

import re
from collections.abc import Mapping
from typing import Any

from alonzo.edge.http_events.request import HttpRequest

_EXPRESSION = re.compile(r"\$\{?(request\.header|request\.querystring|request\.path|context|stageVariables|request\.body)\.([^}]+)\}?")


def find_value(  # noqa: PLR0911 - one for each kind
    expression: str,
    *,
    request: HttpRequest,
    context: Mapping[str, Any],
    stage_variables: Mapping[str, str],
    path_variables: Mapping[str, str] | None = None,
    body: Any = None,
) -> str | None:
    """None: the request has no such thing, or the expression is none. `TooManyParameters`."""
    match = _EXPRESSION.fullmatch(expression.strip())
    if match is None:
        return None
    where, name = match[1], match[2]
    match where:
        case "request.header":
            return request.find_header(name.lower().encode("latin-1", "replace"))
        case "request.querystring":
            return dict(request.parameters()).get(name)
        case "request.path":
            return (path_variables or {}).get(name)
        case "stageVariables":
            return stage_variables.get(name)
        case "context":
            return _text(_within(context, name))
        case _:
            return _text(_within(body, name))


def _within(content: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(content, Mapping):
            return None
        content = content.get(name)
    return content


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
