"""URIs of integrations and authorizers: functions, HTTP endpoints, and stage variables in them.

arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/ARN/invocations
arn:aws:lambda:us-east-1:000000000000:function:NAME:${stageVariables.alias}
"""

import re
from collections.abc import Mapping
from functools import lru_cache

_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_FUNCTION_URI = re.compile(r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+:lambda:path/+2015-03-31/functions/(?P<arn>[^/]+)/invocations")


def with_stage_variables(text: str, variables: Mapping[str, str]) -> str:
    """Every `${stageVariables.NAME}` replaced; one that the stage does not have by nothing."""
    if "${" not in text:
        return text
    return _STAGE_VARIABLE.sub(lambda match: variables.get(match[1], ""), text)


@lru_cache(maxsize=1_024)
def function_of(uri: str) -> str | None:
    """The ARN of the function that a URI (its variables replaced) leads to; None if it leads to something else."""
    match = _FUNCTION_URI.fullmatch(uri)
    if match is not None:
        return match["arn"]
    return uri if ":lambda:" in uri and ":function:" in uri and uri.startswith("arn:") else None
