"""Aliases: names for versions of a function, that can be pointed elsewhere."""

import msgspec

from alonzo.model import names
from alonzo.model.scope import Scope


class RoutedShare(msgspec.Struct, frozen=True):
    """The version that gets a share (0 to 1) of an alias's invocations; the others go to the alias's own version."""

    version: str
    share: float


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """One alias, complete. `version`: `$LATEST`, `$LATEST.PUBLISHED` or a number; `routed` None sends everything there.

    Source: botocore shape `AliasConfiguration`.
    """

    scope: Scope
    function_name: str
    name: str
    version: str
    description: str = ""
    routed: RoutedShare | None = None
    revision_id: str

    @property
    def arn(self) -> str:
        """The function's ARN with the alias as qualifier."""
        return f"{names.function_arn(self.scope, self.function_name)}:{self.name}"

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that it may lead to."""
        return (self.version,) if self.routed is None else (self.version, self.routed.version)
