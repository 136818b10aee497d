"""What an account has set aside of its concurrency: for functions (reserved) and for versions and aliases of them (provisioned).

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class ProvisionedStatus(StrEnum):
    """How far an allocation is. Source: botocore shape `ProvisionedConcurrencyStatusEnum`."""

    IN_PROGRESS = "IN_PROGRESS"
    READY = "READY"
    FAILED = "FAILED"


class ProvisionedConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How many initialized environments a version or an alias shall have."""

    requested_count: int
    last_modified_unix_ms: int


class FunctionConcurrency(msgspec.Struct, frozen=True, kw_only=True):
    """What is set aside for one function. `reserved` None: it shares what is left over; 0: it does not run."""

    reserved: int | None = None
    provisioned: dict[str, ProvisionedConfig] = {}
    """By qualifier: a version number or the name of an alias."""

    @property
    def provisioned_count(self) -> int:
        """Of all its versions and aliases together."""
        return sum(config.requested_count for config in self.provisioned.values())

    @property
    def claimed_count(self) -> int:
        """What no other function can use. Provisioned concurrency is part of the reserved, where there is that."""
        return self.provisioned_count if self.reserved is None else self.reserved

    @property
    def is_default(self) -> bool:
        """Whether nothing is set aside."""
        return self.reserved is None and not self.provisioned


class AccountConcurrency(msgspec.Struct, frozen=True, kw_only=True):
    """What is set aside in one account and region, by function: one record, so that of two requests only one can take what is left last."""

    functions: dict[str, FunctionConcurrency] = {}

    @property
    def claimed_count(self) -> int:
        """What functions have that nothing is set aside for cannot use."""
        return sum(function.claimed_count for function in self.functions.values())


class FunctionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What admission keeps to for one function. `provisioned_counts`: by version, aliases resolved."""

    reserved: int | None
    provisioned_counts: Mapping[str, int]


class AccountLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What admission keeps to in one account and region. Functions that are not named share the unreserved places."""

    unreserved_count: int
    functions: Mapping[str, FunctionLimits]
