"""Provisioned concurrency: how many initialized environments versions and aliases shall have, and how many there are.

What is wanted are records (see `concurrency.py`); what is there is told by whoever keeps the environments, to `Allocations`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.functions.aliases import AliasNotFound
from alonzo.functions.errors import FunctionNotFound, InvalidParameter, ResourceConflict
from alonzo.functions.registry import Functions
from alonzo.functions.settings.concurrency import ConcurrencyQuotaExceeded, ConcurrencySettings, scope_of, without_provisioned
from alonzo.model.alias import Alias
from alonzo.model.concurrency import (
    AccountConcurrency,
    AccountLimits,
    FunctionConcurrency,
    FunctionLimits,
    ProvisionedConfig,
    ProvisionedStatus,
)
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference, is_version_number
from alonzo.model.scope import Scope
from alonzo.store.errors import StoreError
from alonzo.store.records import RecordTable

_RETRY_SECONDS = 0.5
_log = logging.getLogger(__name__)

VersionKey = tuple[str, str, str, str]
"""Account, region, name, version."""


class ProvisionedConfigNotFound(AlonzoError):
    """The version or alias is there, and has no provisioned concurrency."""

    def __init__(self) -> None:
        super().__init__("No Provisioned Concurrency Config found for this function")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What a node has of a version. `failure`: why the last try to make more has failed; None when it has not."""

    available_count: int
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """One configuration and how far it is. `arn` with the version or alias as qualifier."""

    arn: str
    config: ProvisionedConfig
    available_count: int
    status: ProvisionedStatus
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedEnvironments:
    """How many a version shall have, and when somebody last said so."""

    count: int
    last_modified_unix_ms: int


class Allocations:
    """What is there, by version. In memory: environments do not outlive their node."""

    def __init__(self) -> None:
        self._allocations: dict[VersionKey, Allocation] = {}

    def find(self, key: VersionKey) -> Allocation:
        """Nothing is there of what nobody has reported."""
        return self._allocations.get(key) or Allocation(available_count=0)

    def own(self) -> list[tuple[VersionKey, Allocation]]:
        """What this node itself has."""
        return list(self._allocations.items())

    def report(self, key: VersionKey, allocation: Allocation | None) -> None:
        """Say what is there by now; None when nothing is wanted any more."""
        if allocation is None:
            self._allocations.pop(key, None)
        else:
            self._allocations[key] = allocation


class ProvisionedConcurrency:
    """What the operations do. `run` belongs to the components: it forgets what aliases had that are gone."""

    def __init__(
        self,
        *,
        settings: ConcurrencySettings,
        functions: Functions,
        aliases: RecordTable[Alias],
        allocations: Allocations,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._functions = functions
        self._aliases = aliases
        self._allocations = allocations
        self._clock = clock
        self._gone: dict[FunctionReference, int] = {}
        self._wake = asyncio.Event()

    async def put(self, reference: FunctionReference, count: int) -> Provision:
        """Want so many environments (1 or more) for the version or alias of the qualifier.

        `FunctionNotFound`, `AliasNotFound`, `InvalidParameter`, `ConcurrencyQuotaExceeded`, `ResourceConflict` when the version is
        provisioned in another way.
        """
        if reference.qualifier == LATEST:
            raise InvalidParameter("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
        qualifier = self._check_qualifier(reference)
        config = ProvisionedConfig(requested_count=count, last_modified_unix_ms=self._clock.unix_ms())

        def provide(others: AccountConcurrency, function: FunctionConcurrency) -> FunctionConcurrency:
            rest = without_provisioned(function, qualifier)
            self._check_versions(reference, rest)
            self._check_count(others, rest, count)
            return msgspec.structs.replace(function, provisioned=rest.provisioned | {qualifier: config})

        await self._settings.change(reference.scope, reference.name, provide)
        return self._provision(reference, config)

    def get(self, reference: FunctionReference) -> Provision:
        """`FunctionNotFound`, `AliasNotFound`, `InvalidParameter` for `$LATEST`, `ProvisionedConfigNotFound`."""
        qualifier = self._check_published(reference)
        config = self._settings.function(reference.scope, reference.name).provisioned.get(qualifier)
        if config is None:
            raise ProvisionedConfigNotFound
        return self._provision(reference, config)

    async def delete(self, reference: FunctionReference) -> None:
        """What is not there stays so. `FunctionNotFound`, `AliasNotFound`, `InvalidParameter` for `$LATEST`."""
        self._check_published(reference)
        await self._settings.forget(reference)

    def list_of_function(self, reference: FunctionReference) -> Iterator[Provision]:
        """By qualifier. `FunctionNotFound`."""
        scope, name = reference.scope, reference.name
        if self._functions.find_version(scope, name, LATEST) is None:
            raise FunctionNotFound(reference.function_arn)
        provisioned = self._settings.function(scope, name).provisioned
        for qualifier in sorted(provisioned):
            if self._shares(scope, name, qualifier, 1):
                yield self._provision(FunctionReference(scope, name, qualifier), provisioned[qualifier])

    def find_qualifier(self, scope: Scope, name: str, version: str) -> str:
        """Under which name a version is provisioned: its own, or an alias. Its own, too, when it is not any more."""
        provisioned = self._settings.function(scope, name).provisioned
        found = (qualifier for qualifier in provisioned if version in self._shares(scope, name, qualifier, 1))
        return next(found, version)

    def limits(self, scope: Scope) -> AccountLimits:
        """What admission keeps to."""
        account = self._settings.account(scope)
        functions = {
            name: FunctionLimits(reserved=function.reserved, provisioned_counts=self._counts(scope, name, function))
            for name, function in account.functions.items()
        }
        return AccountLimits(unreserved_count=self._settings.unreserved_count(account), functions=functions)

    def wanted(self) -> dict[VersionKey, WantedEnvironments]:
        """The environments that shall be there, of all accounts."""
        wanted: dict[VersionKey, WantedEnvironments] = {}
        for scope in self._settings.iter_scopes():
            for name, function in self._settings.account(scope).functions.items():
                last_modified = max((config.last_modified_unix_ms for config in function.provisioned.values()), default=0)
                for version, count in self._counts(scope, name, function).items():
                    key = (scope.account_id, scope.region, name, version)
                    wanted[key] = WantedEnvironments(count=count, last_modified_unix_ms=last_modified)
        return wanted

    def follow_limits(self, listener: Callable[[Scope, AccountLimits], None]) -> Callable[[], None]:
        """Tell the limits of every account now, and from now on those that change. Returns how to stop that."""
        for scope in self._settings.iter_scopes():
            listener(scope, self.limits(scope))
        return self.subscribe(lambda scope: listener(scope, self.limits(scope)))

    def subscribe(self, listener: Callable[[Scope], None]) -> Callable[[], None]:
        """Call the listener when `limits` and `wanted` of a scope may have changed. It must not block. Returns how to unsubscribe."""
        unsubscribe_settings = self._settings.subscribe(listener)
        unsubscribe_aliases = self._aliases.subscribe(lambda key, _: listener(scope_of(key)))

        def unsubscribe() -> None:
            unsubscribe_settings()
            unsubscribe_aliases()

        return unsubscribe

    async def run(self) -> None:
        """Component: until cancelled. An alias that comes back begins without provisioned concurrency."""
        unsubscribe = self._aliases.subscribe(self._note_alias)
        try:
            self._note_leftovers()
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._forget_gone()
        finally:
            unsubscribe()

    # Aliases that are gone.

    def _note_alias(self, key: tuple[str, ...], alias: Alias | None) -> None:
        if alias is None:
            self._gone[FunctionReference(scope_of(key), key[2], key[3])] = self._clock.unix_ms()
            self._wake.set()

    def _note_leftovers(self) -> None:
        """A node that was killed may have left what belonged to an alias, or to a version."""
        for scope in self._settings.iter_scopes():
            for name, function in self._settings.account(scope).functions.items():
                for qualifier in function.provisioned:
                    if not self._shares(scope, name, qualifier, 1):
                        self._gone[FunctionReference(scope, name, qualifier)] = self._clock.unix_ms()
                        self._wake.set()

    async def _forget_gone(self) -> None:
        for reference, gone_unix_ms in list(self._gone.items()):
            config = self._settings.function(reference.scope, reference.name).provisioned.get(reference.qualifier or "")
            try:
                if config is not None and config.last_modified_unix_ms <= gone_unix_ms:
                    await self._settings.forget(reference)
            except StoreError as error:
                _log.warning("provisioned concurrency of %s, which is gone, waits for the store: %s", reference.arn, error)
                await asyncio.sleep(_RETRY_SECONDS)
                self._wake.set()
            else:
                if self._gone.get(reference) == gone_unix_ms:
                    del self._gone[reference]

    def _check_count(self, others: AccountConcurrency, rest: FunctionConcurrency, count: int) -> None:
        """`others`: the account without the function; `rest`: the function without what is asked for."""
        if rest.reserved is not None:
            if rest.provisioned_count + count > rest.reserved:
                raise InvalidParameter(
                    "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
                )
            return
        unreserved_count = self._settings.unreserved_count(others) - rest.provisioned_count
        if count > unreserved_count:
            raise ConcurrencyQuotaExceeded(
                f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{unreserved_count}]."
            )
        if unreserved_count - count < self._settings.unreserved_min:
            raise ConcurrencyQuotaExceeded(
                "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of "
                f"[{self._settings.unreserved_min}]."
            )

    # What a qualifier leads to.

    def _check_qualifier(self, reference: FunctionReference) -> str:
        qualifier = reference.qualifier or ""
        if is_version_number(qualifier):
            if self._functions.find_version(reference.scope, reference.name, qualifier) is None:
                raise FunctionNotFound(reference.arn)
        elif self._find_alias(reference.scope, reference.name, qualifier) is None:
            raise AliasNotFound(reference.arn)
        return qualifier

    def _check_published(self, reference: FunctionReference) -> str:
        if reference.qualifier == LATEST:
            raise InvalidParameter("The function resource provided must be an alias or a published version.")
        return self._check_qualifier(reference)

    def _check_versions(self, reference: FunctionReference, rest: FunctionConcurrency) -> None:
        """Whether its versions may be provisioned, and nothing else provisions them yet."""
        scope, name, qualifier = reference.scope, reference.name, reference.qualifier or ""
        versions = self._shares(scope, name, qualifier, 1)
        others = [(other, self._shares(scope, name, other, 1)) for other in rest.provisioned]
        for version in versions:
            if not is_version_number(version):
                raise InvalidParameter("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
            record = self._functions.find_version(scope, name, version)
            if record is not None and record.snap_start_apply_on != "None":
                raise InvalidParameter("Provisioned Concurrency is not supported for function versions with SnapStart.")
            if any(version in shares for _, shares in others):
                raise ResourceConflict(
                    "Version is pointed by a Provisioned Concurrency alias"
                    if version == qualifier
                    else "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
                )

    def _find_alias(self, scope: Scope, name: str, qualifier: str) -> Alias | None:
        return self._aliases.find((scope.account_id, scope.region, name, qualifier))

    def _shares(self, scope: Scope, name: str, qualifier: str, count: int) -> Mapping[str, int]:
        """How many of `count` environments each version gets; empty when the qualifier leads to nothing.

        A weighted alias spreads them by its weights, as it does with invocations.
        """
        if is_version_number(qualifier):
            return {qualifier: count} if self._functions.find_version(scope, name, qualifier) is not None else {}
        alias = self._find_alias(scope, name, qualifier)
        if alias is None:
            return {}
        if alias.routed is None:
            return {alias.version: count}
        routed_count = round(count * alias.routed.share)
        return {alias.version: count - routed_count, alias.routed.version: routed_count}

    def _counts(self, scope: Scope, name: str, function: FunctionConcurrency) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        for qualifier, config in function.provisioned.items():
            counts.update(self._shares(scope, name, qualifier, config.requested_count))
        return counts

    def _provision(self, reference: FunctionReference, config: ProvisionedConfig) -> Provision:
        scope, name = reference.scope, reference.name
        available_count, failures = 0, []
        for version, count in self._shares(scope, name, reference.qualifier or "", config.requested_count).items():
            allocation = self._allocations.find((scope.account_id, scope.region, name, version))
            available_count += min(count, allocation.available_count)
            failures += [allocation.failure] if allocation.failure is not None else []
        status = ProvisionedStatus.FAILED if failures else ProvisionedStatus.IN_PROGRESS
        if available_count >= config.requested_count:
            status, failures = ProvisionedStatus.READY, []
        return Provision(
            arn=reference.arn,
            config=config,
            available_count=available_count,
            status=status,
            failure=failures[0] if failures else None,
        )
