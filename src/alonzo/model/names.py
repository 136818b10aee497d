"""The forms in which AWS lets a caller name a function, and their constraints.

`name`, `name:qualifier`, `account:function:name`, a full ARN, each with or without a qualifier, and beside it a Qualifier parameter:
`refer_to_function` makes one reference of them. Source of the patterns and lengths: botocore's `lambda` model (shapes `FunctionName`,
`NamespacedFunctionName`, `NumericLatestPublishedOrAliasQualifier`); of the errors: answers recorded from AWS.
"""

import re
from functools import lru_cache

import msgspec

from alonzo.errors import AlonzoError
from alonzo.model.scope import Scope

FunctionKey = tuple[str, str, str]
"""A function's account, region and name."""

NAMESPACED_NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
NAMESPACED_NAME_MAX_LENGTH = 256
QUALIFIER_PATTERN = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
QUALIFIER_MAX_LENGTH = 128
BARE_NAME_MAX_LENGTH = 64
"""Of the name alone, checked when a function is created."""

_NAMESPACED_NAME = re.compile(NAMESPACED_NAME_PATTERN, re.ASCII)
_QUALIFIER = re.compile(QUALIFIER_PATTERN, re.ASCII)
_REGION_GROUP, _ACCOUNT_GROUP, _NAME_GROUP, _QUALIFIER_GROUP = 3, 9, 11, 13

_REFERENCES_REMEMBERED = 1_024


class FunctionReference(msgspec.Struct, frozen=True):
    """Which function, and which version or alias of it. `qualifier` None means that the caller gave none."""

    scope: Scope
    name: str
    qualifier: str | None = None

    @property
    def function_arn(self) -> str:
        """The ARN without the qualifier."""
        return function_arn(self.scope, self.name)

    @property
    def arn(self) -> str:
        """The ARN, with the qualifier if the caller gave one."""
        return self.function_arn if self.qualifier is None else f"{self.function_arn}:{self.qualifier}"


class FunctionNameMalformed(AlonzoError):
    """The name or the qualifier breaks AWS's constraints; `violations` are AWS's sentences, in its order."""

    def __init__(self, violations: tuple[str, ...]) -> None:
        count = len(violations)
        super().__init__(f"{count} validation error{'' if count == 1 else 's'} detected: {'; '.join(violations)}")
        self.violations = violations


class FunctionNameTooLong(AlonzoError):
    """The name, without the rest of its ARN, is too long for a new function."""

    def __init__(self, name: str) -> None:
        violation = f"Value '{name}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to"
        super().__init__(f"1 validation error detected: {violation} {BARE_NAME_MAX_LENGTH}")


class QualifierMismatch(AlonzoError):
    """The name holds one qualifier and the Qualifier parameter is another."""

    def __init__(self) -> None:
        super().__init__("The derived qualifier from the function name does not match the specified qualifier.")


class FunctionOfOtherRegion(AlonzoError):
    """The ARN is of another region than the endpoint that was asked."""

    def __init__(self, *, region: str, here: str) -> None:
        super().__init__(f"Functions from '{region}' are not reachable in this region ('{here}')")


class FunctionOfOtherAccount(AlonzoError):
    """The ARN is of another account, and nothing allows the caller to use it."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"no access to {arn}")


def function_arn(scope: Scope, name: str) -> str:
    """The unqualified ARN of a function."""
    return f"arn:{scope.partition}:lambda:{scope.region}:{scope.account_id}:function:{name}"


@lru_cache(maxsize=_REFERENCES_REMEMBERED)
def refer_to_function(function_name: str, qualifier: str | None, caller: Scope) -> FunctionReference:
    """What the caller's FunctionName and Qualifier parameters refer to, in any form that AWS accepts.

    On the hot path of Invoke, hence remembered. `FunctionNameMalformed`, `QualifierMismatch`, `FunctionOfOtherRegion`,
    `FunctionOfOtherAccount`.
    """
    match = _NAMESPACED_NAME.fullmatch(function_name)
    violations = _qualifier_violations(qualifier)
    if match is None or len(function_name) > NAMESPACED_NAME_MAX_LENGTH:
        violations += _name_violations(function_name, matches=match is not None)
    if violations or match is None:
        raise FunctionNameMalformed(violations)

    region, account_id = match[_REGION_GROUP], match[_ACCOUNT_GROUP]
    if region is not None and region[:-1] != caller.region:
        raise FunctionOfOtherRegion(region=region[:-1], here=caller.region)
    if account_id is not None and account_id[:-1] != caller.account_id:
        raise FunctionOfOtherAccount(function_name)
    derived = match[_QUALIFIER_GROUP]
    if derived is not None and qualifier is not None and derived != qualifier:
        raise QualifierMismatch
    return FunctionReference(caller, match[_NAME_GROUP], derived if qualifier is None else qualifier)


def is_version_number(qualifier: str) -> bool:
    """Whether a qualifier names a published version; if not, it is `$LATEST` or an alias."""
    return qualifier.isascii() and qualifier.isdigit()


def _name_violations(function_name: str, *, matches: bool) -> tuple[str, ...]:
    prefix = f"Value '{function_name}' at 'functionName' failed to satisfy constraint: Member must"
    violations = []
    if not matches:
        violations.append(f"{prefix} satisfy regular expression pattern: {NAMESPACED_NAME_PATTERN}")
    if len(function_name) > NAMESPACED_NAME_MAX_LENGTH:
        violations.append(f"{prefix} have length less than or equal to {NAMESPACED_NAME_MAX_LENGTH}")
    if not function_name:
        violations.append(f"{prefix} have length greater than or equal to 1")
    return tuple(violations)


def _qualifier_violations(qualifier: str | None) -> tuple[str, ...]:
    if qualifier is None or (len(qualifier) <= QUALIFIER_MAX_LENGTH and _QUALIFIER.fullmatch(qualifier)):
        return ()
    prefix = f"Value '{qualifier}' at 'qualifier' failed to satisfy constraint: Member must"
    violations = []
    if not _QUALIFIER.fullmatch(qualifier):
        violations.append(f"{prefix} satisfy regular expression pattern: {QUALIFIER_PATTERN}")
    if len(qualifier) > QUALIFIER_MAX_LENGTH:
        violations.append(f"{prefix} have length less than or equal to {QUALIFIER_MAX_LENGTH}")
    if not qualifier:
        violations.append(f"{prefix} have length greater than or equal to 1")
    return tuple(violations)
