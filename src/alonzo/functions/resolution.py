"""What a qualifier means, in one place: `$LATEST`, `$LATEST.PUBLISHED`, a number or an alias.

On the hot path of Invoke: nothing but look-ups in memory, and without a qualifier only the one of `$LATEST`.
"""

from collections.abc import Callable

from alonzo.functions.aliases import Aliases
from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.registry import Functions
from alonzo.model.alias import Alias
from alonzo.model.function import LATEST, LATEST_PUBLISHED, FunctionVersion
from alonzo.model.names import FunctionReference


class Resolution:
    """`random` gives numbers from 0 to below 1: the lot of an invocation whose alias leads to two versions."""

    def __init__(self, *, functions: Functions, aliases: Aliases, random: Callable[[], float]) -> None:
        self._functions = functions
        self._aliases = aliases
        self._random = random

    def get_version(self, reference: FunctionReference) -> FunctionVersion:
        """The version to show: of an alias always its own. `FunctionNotFound`."""
        version = self._functions.find_version(reference.scope, reference.name, reference.qualifier)
        if version is None and (alias := self._aliases.find(reference)) is not None:
            version = self._functions.find_version(reference.scope, reference.name, alias.version)
        if version is None:
            raise FunctionNotFound(reference.arn)
        return version

    def get_invoked(self, reference: FunctionReference) -> FunctionVersion:
        """The version to run: of an alias one of its two by lot. `FunctionNotFound`, whose ARN is qualified as AWS does it then.

        A function on a capacity provider runs its `$LATEST.PUBLISHED` where others run `$LATEST`. Source:
        https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-version-publishing.html
        """
        scope, name, qualifier = reference.scope, reference.name, reference.qualifier
        version = self._functions.find_version(scope, name, qualifier)
        if version is None:
            alias = self._aliases.find(reference)
            version = None if alias is None else self._functions.find_version(scope, name, self._draw(alias))
        elif qualifier is None and version.capacity_provider is not None:
            qualifier = LATEST_PUBLISHED
            version = self._functions.find_version(scope, name, qualifier)
        if version is None:
            raise FunctionNotFound(f"{reference.function_arn}:{qualifier or LATEST}")
        return version

    def _draw(self, alias: Alias) -> str:
        if alias.routed is not None and self._random() < alias.routed.share:
            return alias.routed.version
        return alias.version
