"""Provisioned concurrency over several workers: each keeps as many environments of a version as it holds leases of."""

from collections.abc import Callable
from typing import Protocol

from alonzo.functions.settings.provisioned import VersionKey, WantedEnvironments
from alonzo.invoke.provisioned import ProvisionedSettings
from alonzo.model.scope import Scope, partition_of


class ProvisionedLeases(Protocol):
    """What this worker holds; see `SharedLimits`."""

    def provisioned_count(self, scope: Scope, name: str, version: str) -> int: ...

    def subscribe(self, listener: Callable[[Scope], None]) -> Callable[[], None]: ...


class SharedProvision:
    """This worker's part of what is wanted."""

    def __init__(self, *, settings: ProvisionedSettings, leases: ProvisionedLeases) -> None:
        self._settings = settings
        self._leases = leases

    def wanted(self) -> dict[VersionKey, WantedEnvironments]:
        """As `ProvisionedSettings.wanted`."""
        wanted = {}
        for key, whole in self._settings.wanted().items():
            account_id, region, name, version = key
            count = self._leases.provisioned_count(Scope(account_id, region, partition_of(region)), name, version)
            wanted[key] = WantedEnvironments(count=count, last_modified_unix_ms=whole.last_modified_unix_ms)
        return wanted

    def subscribe(self, listener: Callable[[Scope], None]) -> Callable[[], None]:
        """As `ProvisionedSettings.subscribe`."""
        unsubscribe_settings, unsubscribe_leases = self._settings.subscribe(listener), self._leases.subscribe(listener)

        def unsubscribe() -> None:
            unsubscribe_settings()
            unsubscribe_leases()

        return unsubscribe
