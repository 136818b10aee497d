"""Aliases: what the operations on them do.

One record an alias, keyed by account, region, function and name. Whatever may make an alias lead to a version that is not there (or not any
more) is checked and written within the function's turn.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from alonzo.functions.errors import FunctionNotFound, InvalidParameter, ResourceConflict, ResourceNotFound, RevisionMismatch
from alonzo.functions.registry import Functions
from alonzo.ids import new_uuid
from alonzo.model.alias import Alias, RoutedShare
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.record_index import Versioned
from alonzo.store.records import RecordTable

Shares = Mapping[str, float]
"""The share of each version that an alias leads to beside its own; empty for none."""


class AliasNotFound(ResourceNotFound):
    """There is no alias of that name. AWS words it in another way when one is to be changed."""

    def __init__(self, arn: str, *, changing: bool = False) -> None:
        super().__init__(f"Alias not found: {arn}" if changing else f"Cannot find alias arn: {arn}")


class AliasExists(ResourceConflict):
    """The function has an alias of that name already."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Alias already exists: {arn}")


class VersionInUse(ResourceConflict):
    """A version cannot be deleted while aliases lead to it. Source of the words: AWS's answers, as users of its SDKs report them."""

    def __init__(self, alias_names: list[str]) -> None:
        super().__init__(f"Unable to delete version because the following aliases reference it: [{', '.join(alias_names)}]")


class TooManyVersionsRouted(InvalidParameter):
    """An alias leads to its own version and to one other at most."""

    def __init__(self) -> None:
        super().__init__("Number of items in AdditionalVersionWeights cannot be greater than 1")


class VersionRoutedTwice(InvalidParameter):
    """The other version of an alias is its own."""

    def __init__(self, version: str) -> None:
        super().__init__(f"Invalid function version {version}. Function version {version} is already included in routing configuration.")


class LatestRouted(InvalidParameter):
    """An alias of `$LATEST` leads to nothing else."""

    def __init__(self) -> None:
        super().__init__("$LATEST is not supported for an alias pointing to more than 1 version")


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasChange:
    """What is said of an alias. None leaves a field as it is; `revision_id`: of the alias as the caller knows it."""

    version: str | None = None
    description: str | None = None
    shares: Shares | None = None
    revision_id: str | None = None


class Aliases:
    """The aliases of all functions. Their references have the alias as qualifier. Writes raise the store's errors, too."""

    def __init__(self, *, records: RecordTable[Alias], functions: Functions) -> None:
        self._records = records
        self._functions = functions

    def find(self, reference: FunctionReference) -> Alias | None:
        """The alias that the qualifier names, if it names one."""
        return None if reference.qualifier is None else self._records.find(_key(reference))

    def get(self, reference: FunctionReference) -> Alias:
        """The alias that the qualifier names. `FunctionNotFound`, `AliasNotFound`."""
        self._check_function(reference)
        alias = self.find(reference)
        if alias is None:
            raise AliasNotFound(reference.arn)
        return alias

    def list_aliases(self, reference: FunctionReference, *, version: str | None = None) -> Iterator[Alias]:
        """The aliases of a function by name, or those that lead to one version. `FunctionNotFound`."""
        self._check_function(reference)
        return (alias for alias in self._iter(reference) if version is None or version in alias.versions)

    async def create(self, reference: FunctionReference, *, version: str, change: AliasChange) -> Alias:
        """Name a version. `FunctionNotFound` (the version, too), `AliasExists`, and the kinds of `InvalidParameter` above."""
        async with self._functions.turn(reference):
            alias = Alias(
                scope=reference.scope,
                function_name=reference.name,
                name=reference.qualifier or "",
                version=version,
                description=change.description or "",
                routed=self._routed(reference, version, change.shares or {}),
                revision_id=new_uuid(),
            )
            try:
                await self._records.create(_key(reference), alias)
            except RecordExists as error:
                raise AliasExists(reference.arn) from error
            return alias

    async def update(self, reference: FunctionReference, change: AliasChange) -> Alias:
        """Point an alias elsewhere. As `create`; `AliasNotFound`, `RevisionMismatch`."""
        async with self._functions.turn(reference):
            self._check_function(reference)
            while True:
                record = self._get_versioned(reference)
                before = record.value
                if change.revision_id is not None and change.revision_id != before.revision_id:
                    raise RevisionMismatch
                alias = self._changed(before, reference, change)
                try:
                    await self._records.update(_key(reference), alias, revision=record.revision)
                except RecordConflict:  # changed by another node: by now it may be another revision, or gone
                    continue
                return alias

    async def delete(self, reference: FunctionReference) -> None:
        """An alias that is not there stays so. `FunctionNotFound`."""
        self._check_function(reference)
        await self._records.delete(_key(reference))

    def check_unused(self, reference: FunctionReference) -> None:
        """`VersionInUse` when an alias leads to the version of the qualifier."""
        names = [alias.name for alias in self._iter(reference) if reference.qualifier in alias.versions]
        if names:
            raise VersionInUse(names)

    async def forget(self, reference: FunctionReference) -> None:
        """As a `FunctionDependent`: the aliases of a function go with it; a version that goes has none."""
        if reference.qualifier is None:
            for alias in list(self._iter(reference)):
                await self._records.delete(_key(FunctionReference(reference.scope, reference.name, alias.name)))

    def _changed(self, before: Alias, reference: FunctionReference, change: AliasChange) -> Alias:
        version = before.version if change.version is None else change.version
        kept = {} if before.routed is None else {before.routed.version: before.routed.share}
        return msgspec.structs.replace(
            before,
            version=version,
            description=before.description if change.description is None else change.description,
            routed=self._routed(reference, version, kept if change.shares is None else change.shares),
            revision_id=new_uuid(),
        )

    def _routed(self, reference: FunctionReference, version: str, shares: Shares) -> RoutedShare | None:
        """Checked in AWS's order."""
        self._check_version(reference, version)
        if len(shares) > 1:
            raise TooManyVersionsRouted
        for other, share in shares.items():
            if other == version:
                raise VersionRoutedTwice(version)
            if version == LATEST:
                raise LatestRouted
            self._check_version(reference, other)
            return RoutedShare(other, share)
        return None

    def _check_version(self, reference: FunctionReference, version: str) -> None:
        self._functions.get_version(FunctionReference(reference.scope, reference.name, version))

    def _check_function(self, reference: FunctionReference) -> None:
        if self._functions.find_version(reference.scope, reference.name, LATEST) is None:
            raise FunctionNotFound(reference.function_arn)

    def _get_versioned(self, reference: FunctionReference) -> Versioned[Alias]:
        record = self._records.get_versioned(_key(reference))
        if record is None:
            raise AliasNotFound(reference.arn, changing=True)
        return record

    def _iter(self, reference: FunctionReference) -> Iterator[Alias]:
        scope = reference.scope
        return (alias for _, alias in self._records.iter_prefix((scope.account_id, scope.region, reference.name)))


def _key(reference: FunctionReference) -> tuple[str, ...]:
    return reference.scope.account_id, reference.scope.region, reference.name, reference.qualifier or ""
