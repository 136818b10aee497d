"""Capacity providers: records that functions name. No instances are launched: functions run where this node runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.functions.errors import InvalidParameter, ResourceConflict, ResourceNotFound
from alonzo.functions.registry import Functions
from alonzo.functions.tags import TagChange, checked_tags
from alonzo.model import quotas
from alonzo.model.capacity_provider import (
    CapacityProvider,
    CapacityProviderLogging,
    CapacityProviderState,
    ScalingMode,
    TagPropagation,
    TargetTrackingPolicy,
    capacity_provider_arn,
    default_log_group,
)
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.record_index import Versioned
from alonzo.store.records import RecordTable


class CapacityProviderNotFound(ResourceNotFound):
    """No such capacity provider."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Capacity provider not found: {arn}")


class CapacityProviderExists(ResourceConflict):
    """The name is taken. The words are ours."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Capacity provider already exists: {arn}")


class CapacityProviderInUse(ResourceConflict):
    """Function versions run on it. The words are ours."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"The capacity provider {arn} cannot be deleted because function versions use it.")


class CapacityProviderChanged(ResourceConflict):
    """Somebody else changed it at the same time. The words are ours."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"An update is in progress for the capacity provider: {arn}")


class CapacityProviderLimitExceeded(AlonzoError):
    """The account has as many as it may have."""

    def __init__(self) -> None:
        super().__init__(f"The maximum number of capacity providers for this account has been reached: {quotas.CAPACITY_PROVIDERS_MAX}")


class CapacityProviderVersionsExceeded(AlonzoError):
    """The capacity provider has as many function versions as it may have."""

    def __init__(self, arn: str) -> None:
        limit = quotas.VERSIONS_PER_CAPACITY_PROVIDER_MAX
        super().__init__(f"The maximum number of function versions for the capacity provider {arn} has been reached: {limit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityProviderChange:
    """What UpdateCapacityProvider says; None leaves a setting as it is. A mode of Auto takes the policies away."""

    scaling_mode: ScalingMode | None = None
    max_vcpu_count: int | None = None
    scaling_policies: tuple[TargetTrackingPolicy, ...] | None = None
    tag_propagation: TagPropagation | None = None
    log_group: str | None = None
    system_log_level: str | None = None


class CapacityProviders:
    """The capacity providers of all accounts; a `TaggedResource`. Writes raise the store's errors, too."""

    def __init__(self, *, records: RecordTable[CapacityProvider], functions: Functions, clock: Clock) -> None:
        self._records = records
        self._functions = functions
        self._clock = clock

    async def create(self, provider: CapacityProvider, change: CapacityProviderChange) -> CapacityProvider:
        """Create what `provider` and the settings in `change` say. It is Active at once: there is nothing to wait for.

        `InvalidParameter`, `CapacityProviderExists`, `CapacityProviderLimitExceeded`.
        """
        checked_tags(provider.tags)
        provider = self._applied(provider, change)
        scope = provider.scope
        if self._records.find(_key(scope, provider.name)) is not None:
            raise CapacityProviderExists(provider.arn)
        if sum(1 for _ in self.iter_providers(scope)) >= quotas.CAPACITY_PROVIDERS_MAX:
            raise CapacityProviderLimitExceeded
        try:
            await self._records.create(_key(scope, provider.name), provider)
        except RecordExists as error:
            raise CapacityProviderExists(provider.arn) from error
        return provider

    def get(self, scope: Scope, name_or_arn: str) -> CapacityProvider:
        """`CapacityProviderNotFound`."""
        return self._get_versioned(scope, name_or_arn).value

    def iter_providers(self, scope: Scope, *, state: CapacityProviderState | None = None) -> Iterator[CapacityProvider]:
        """The capacity providers of an account and region, by name."""
        for _, provider in self._records.iter_prefix((scope.account_id, scope.region)):
            if state is None or provider.state is state:
                yield provider

    async def update(self, scope: Scope, name_or_arn: str, change: CapacityProviderChange) -> CapacityProvider:
        """`CapacityProviderNotFound`, `InvalidParameter`, `CapacityProviderChanged`."""
        record = self._get_versioned(scope, name_or_arn)
        provider = self._applied(record.value, change)
        try:
            await self._records.update(_key(scope, provider.name), provider, revision=record.revision)
        except RecordConflict as error:
            raise CapacityProviderChanged(provider.arn) from error
        return provider

    async def delete(self, scope: Scope, name_or_arn: str) -> CapacityProvider:
        """Returns the provider as it was, Deleting. `CapacityProviderNotFound`, `CapacityProviderInUse`, `CapacityProviderChanged`."""
        record = self._get_versioned(scope, name_or_arn)
        provider = record.value
        if next(self.iter_versions(provider), None) is not None:
            raise CapacityProviderInUse(provider.arn)
        try:
            await self._records.delete(_key(scope, provider.name), revision=record.revision)
        except RecordConflict as error:
            raise CapacityProviderChanged(provider.arn) from error
        return msgspec.structs.replace(provider, state=CapacityProviderState.DELETING)

    def iter_versions(self, provider: CapacityProvider) -> Iterator[FunctionVersion]:
        """The function versions that are configured to run on it: by name, then `$LATEST` and the numbers in their order."""
        for version in self._functions.iter_versions(provider.scope):
            if version.capacity_provider is not None and version.capacity_provider.capacity_provider_arn == provider.arn:
                yield version

    def check_usable(self, scope: Scope, arn: str) -> None:
        """Whether one more version may name this provider. `CapacityProviderNotFound`, `CapacityProviderVersionsExceeded`."""
        provider = self.get(scope, arn)
        if sum(1 for _ in self.iter_versions(provider)) >= quotas.VERSIONS_PER_CAPACITY_PROVIDER_MAX:
            raise CapacityProviderVersionsExceeded(arn)

    def find_tags(self, arn: str, caller: Scope) -> Mapping[str, str] | None:
        """As `TaggedResource`."""
        record = self._find_versioned(caller, arn)
        return None if record is None else record.value.tags

    async def change_tags(self, arn: str, caller: Scope, change: TagChange) -> bool:
        """As `TaggedResource`. Errors: those of the change."""
        while (record := self._find_versioned(caller, arn)) is not None:
            tagged = msgspec.structs.replace(record.value, tags=change(record.value.tags))
            try:
                await self._records.update(_key(caller, tagged.name), tagged, revision=record.revision)
            except RecordConflict:
                continue
            return True
        return False

    def _applied(self, provider: CapacityProvider, change: CapacityProviderChange) -> CapacityProvider:
        mode = change.scaling_mode or provider.scaling.mode
        policies = change.scaling_policies
        if policies is None:
            policies = () if change.scaling_mode is ScalingMode.AUTO else provider.scaling.policies
        logging = provider.logging
        if change.log_group is not None or change.system_log_level is not None:
            before = logging or CapacityProviderLogging(log_group=default_log_group(provider.name))
            logging = CapacityProviderLogging(
                log_group=change.log_group or before.log_group, system_level=change.system_log_level or before.system_level
            )
        scaling = msgspec.structs.replace(
            provider.scaling, mode=mode, policies=policies, max_vcpu_count=change.max_vcpu_count or provider.scaling.max_vcpu_count
        )
        provider = msgspec.structs.replace(
            provider,
            scaling=scaling,
            tag_propagation=change.tag_propagation or provider.tag_propagation,
            logging=logging,
            last_modified_unix_ms=self._clock.unix_ms(),
        )
        _check(provider)
        return provider

    def _find_versioned(self, scope: Scope, arn: str) -> Versioned[CapacityProvider] | None:
        record = self._records.get_versioned(_key(scope, arn.rpartition(":")[2]))
        return None if record is None or record.value.arn != arn else record

    def _get_versioned(self, scope: Scope, name_or_arn: str) -> Versioned[CapacityProvider]:
        arn = name_or_arn if name_or_arn.startswith("arn:") else capacity_provider_arn(scope, name_or_arn)
        record = self._find_versioned(scope, arn)
        if record is None:
            raise CapacityProviderNotFound(arn)
        return record


def _check(provider: CapacityProvider) -> None:
    """What AWS's model cannot say. The first message is AWS's, the others are ours."""
    scaling, requirements, propagation = provider.scaling, provider.instance_requirements, provider.tag_propagation
    if scaling.mode is ScalingMode.AUTO and scaling.policies:
        raise InvalidParameter("A scaling policy can't be specified when the scalingMode is set to Auto")
    if scaling.mode is ScalingMode.MANUAL and not scaling.policies:
        raise InvalidParameter("A scaling policy must be specified when the scalingMode is set to Manual")
    if requirements.allowed_types and requirements.excluded_types:
        raise InvalidParameter("AllowedInstanceTypes and ExcludedInstanceTypes can't be specified together")
    if propagation is not None and propagation.mode == "None" and propagation.explicit_tags:
        raise InvalidParameter("ExplicitTags can't be specified when the mode of PropagateTags is set to None")


def _key(scope: Scope, name: str) -> tuple[str, ...]:
    return scope.account_id, scope.region, name
