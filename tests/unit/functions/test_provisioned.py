"""How many environments each version shall have, and what admission is told, from records in memory."""

from collections.abc import Mapping
from typing import Any

import pytest

from alonzo.clock import ManualClock
from alonzo.functions.settings.concurrency import ConcurrencySettings
from alonzo.functions.settings.provisioned import Allocation, Allocations, ProvisionedConcurrency, WantedEnvironments
from alonzo.model.alias import Alias, RoutedShare
from alonzo.model.concurrency import AccountConcurrency, FunctionConcurrency, ProvisionedConfig, ProvisionedStatus
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope

SCOPE = Scope("111111111111", "us-east-1")
KEY = (SCOPE.account_id, SCOPE.region)


class MemoryRecords:
    """The function `f` with versions 1 and 2, its aliases, and what is set aside."""

    def __init__(self, functions: dict[str, FunctionConcurrency], aliases: Mapping[str, tuple[str, RoutedShare | None]]) -> None:
        self._account = AccountConcurrency(functions=functions)
        self._aliases = {
            (*KEY, "f", name): Alias(scope=SCOPE, function_name="f", name=name, version=version, routed=routed, revision_id="1")
            for name, (version, routed) in aliases.items()
        }

    def iter_prefix(self, prefix: tuple[str, ...]) -> Any:
        return iter([(KEY, self._account)] if not prefix else [])

    def find(self, key: tuple[str, ...]) -> Alias | AccountConcurrency | None:
        return self._account if key == KEY else self._aliases.get(key)

    def find_version(self, scope: Scope, name: str, qualifier: str | None) -> object | None:
        del scope
        return object() if name == "f" and qualifier in {"1", "2", "$LATEST"} else None


def provisioned_of(
    requested: Mapping[str, int], *, reserved: int | None = None, **aliases: tuple[str, RoutedShare | None]
) -> tuple[ProvisionedConcurrency, Allocations]:
    configs = {name: ProvisionedConfig(requested_count=count, last_modified_unix_ms=7) for name, count in requested.items()}
    records: Any = MemoryRecords({"f": FunctionConcurrency(reserved=reserved, provisioned=configs)}, aliases)
    allocations = Allocations()
    settings = ConcurrencySettings(records=records, account_limit=1_000)
    provisioned = ProvisionedConcurrency(
        settings=settings, functions=records, aliases=records, allocations=allocations, clock=ManualClock()
    )
    return provisioned, allocations


def counts(provisioned: ProvisionedConcurrency) -> dict[str, int]:
    return {key[3]: wanted.count for key, wanted in provisioned.wanted().items()}


def test_an_alias_stands_for_its_version() -> None:
    provisioned, _ = provisioned_of({"live": 5, "2": 3}, live=("1", None))
    assert provisioned.wanted() == {
        (*KEY, "f", "1"): WantedEnvironments(count=5, last_modified_unix_ms=7),
        (*KEY, "f", "2"): WantedEnvironments(count=3, last_modified_unix_ms=7),
    }


def test_a_weighted_alias_spreads_its_environments() -> None:
    provisioned, _ = provisioned_of({"live": 10}, live=("1", RoutedShare("2", 0.3)))
    assert counts(provisioned) == {"1": 7, "2": 3}


def test_what_leads_nowhere_wants_nothing() -> None:
    provisioned, _ = provisioned_of({"gone": 10, "9": 2})
    assert counts(provisioned) == {}
    assert list(provisioned.list_of_function(FunctionReference(SCOPE, "f"))) == []


def test_admission_is_told_the_places_of_each_version() -> None:
    provisioned, _ = provisioned_of({"live": 5}, reserved=20, live=("1", None))
    limits = provisioned.limits(SCOPE)
    assert limits.unreserved_count == 980
    assert (limits.functions["f"].reserved, limits.functions["f"].provisioned_counts) == (20, {"1": 5})


@pytest.mark.parametrize(
    ("available", "failure", "expected"),
    [
        ((0, 0), None, (0, ProvisionedStatus.IN_PROGRESS, None)),
        ((7, 2), None, (9, ProvisionedStatus.IN_PROGRESS, None)),
        ((99, 2), None, (9, ProvisionedStatus.IN_PROGRESS, None)),
        ((7, 2), "why", (9, ProvisionedStatus.FAILED, "why")),
        ((7, 3), None, (10, ProvisionedStatus.READY, None)),
    ],
)
def test_ready_is_what_has_all_its_environments(
    available: tuple[int, int], failure: str | None, expected: tuple[int, ProvisionedStatus, str | None]
) -> None:
    provisioned, allocations = provisioned_of({"live": 10}, live=("1", RoutedShare("2", 0.3)))
    for version, count in zip(("1", "2"), available, strict=True):
        allocations.report((*KEY, "f", version), Allocation(available_count=count, failure=failure))
    provision = provisioned.get(FunctionReference(SCOPE, "f", "live"))
    assert (provision.available_count, provision.status, provision.failure) == expected
