"""Concurrency set aside: the records of all accounts, and the reserved part of them.

Provisioned concurrency is kept in the same records, because it takes from the same pool; see `provisioned.py`.
"""

from collections.abc import Callable, Iterator

import msgspec

from alonzo.functions.errors import FunctionNotFound, InvalidParameter
from alonzo.functions.registry import Functions
from alonzo.model import quotas
from alonzo.model.concurrency import AccountConcurrency, FunctionConcurrency
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope, partition_of
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.records import RecordTable

_NOTHING = AccountConcurrency()
_DEFAULT = FunctionConcurrency()

SettingsListener = Callable[[Scope], None]
SettingsChange = Callable[[AccountConcurrency, FunctionConcurrency], FunctionConcurrency]
"""From what there is to what the function shall have; the account is that without the function. May raise what forbids it."""


class ConcurrencyQuotaExceeded(InvalidParameter):
    """The account has not that much left to set aside."""


class FunctionRequired(InvalidParameter):
    """A version or an alias was named where only a function can be."""

    def __init__(self) -> None:
        super().__init__(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )


class ConcurrencySettings:
    """The records. Reads are look-ups in memory; writes raise the store's errors, too."""

    def __init__(self, *, records: RecordTable[AccountConcurrency], account_limit: int) -> None:
        self._records = records
        self.account_limit = account_limit
        """How many invocations of an account may run at once in a region."""
        self.unreserved_min = min(quotas.UNRESERVED_CONCURRENCY_MIN, account_limit)
        """What cannot be set aside."""

    def account(self, scope: Scope) -> AccountConcurrency:
        """What is set aside in an account and region."""
        return self._records.find(_key(scope)) or _NOTHING

    def function(self, scope: Scope, name: str) -> FunctionConcurrency:
        """What is set aside for a function."""
        return self.account(scope).functions.get(name, _DEFAULT)

    def unreserved_count(self, account: AccountConcurrency) -> int:
        """What is left of an account's concurrency for the functions that have nothing set aside."""
        return max(self.account_limit - account.claimed_count, 0)

    def iter_scopes(self) -> Iterator[Scope]:
        """Where anything was ever set aside."""
        return (scope_of(key) for key, _ in self._records.iter_prefix(()))

    async def change(self, scope: Scope, name: str, change: SettingsChange) -> FunctionConcurrency:
        """Change what is set aside for a function, and return it. `change` is asked anew when somebody else was faster."""
        while True:
            record = self._records.get_versioned(_key(scope))
            functions = {} if record is None else dict(record.value.functions)
            before = functions.pop(name, _DEFAULT)
            after = change(AccountConcurrency(functions=functions), before)
            if after == before:
                return after
            if not after.is_default:
                functions[name] = after
            account = AccountConcurrency(functions=functions)
            try:
                if record is None:
                    await self._records.create(_key(scope), account)
                else:
                    await self._records.update(_key(scope), account, revision=record.revision)
            except (RecordConflict, RecordExists):
                continue
            return after

    def subscribe(self, listener: SettingsListener) -> Callable[[], None]:
        """Call the listener at every change, by any node, with the account and region. It must not block. Returns how to unsubscribe."""
        return self._records.subscribe(lambda key, _: listener(scope_of(key)))

    async def forget(self, reference: FunctionReference) -> None:
        """What belongs to a function, or to a version or alias of it, is no longer set aside (a `FunctionDependent`)."""
        qualifier = reference.qualifier
        if self.function(reference.scope, reference.name).is_default:
            return
        await self.change(
            reference.scope,
            reference.name,
            lambda _, function: _DEFAULT if qualifier is None else without_provisioned(function, qualifier),
        )


class ReservedConcurrency:
    """Reserved concurrency of functions: guaranteed to them, and their limit."""

    def __init__(self, *, settings: ConcurrencySettings, functions: Functions) -> None:
        self._settings = settings
        self._functions = functions

    async def put(self, reference: FunctionReference, count: int) -> int:
        """Reserve places for a function. `FunctionRequired`, `FunctionNotFound`, `ConcurrencyQuotaExceeded`, `InvalidParameter`."""
        if reference.qualifier is not None:
            raise FunctionRequired
        if not self._exists(reference):
            raise FunctionNotFound(f"{reference.function_arn}:{LATEST}")  # recorded: only this operation names $LATEST

        def reserve(others: AccountConcurrency, function: FunctionConcurrency) -> FunctionConcurrency:
            if function.provisioned_count > count:
                raise InvalidParameter(
                    f"ReservedConcurrentExecutions [{count}] should not be lower than function's total provisioned concurrency "
                    f"[{function.provisioned_count}]."
                )
            if self._settings.unreserved_count(others) - count < self._settings.unreserved_min:
                raise ConcurrencyQuotaExceeded(
                    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
                    f"minimum value of [{self._settings.unreserved_min}]."
                )
            return msgspec.structs.replace(function, reserved=count)

        await self._settings.change(reference.scope, reference.name, reserve)
        return count

    def find(self, reference: FunctionReference) -> int | None:
        """The places reserved for a function; None when there are none of its own. `FunctionNotFound`, `FunctionRequired`."""
        self._check(reference)
        return self._settings.function(reference.scope, reference.name).reserved

    async def delete(self, reference: FunctionReference) -> None:
        """The function shares the unreserved places again. `FunctionNotFound`, `FunctionRequired`."""
        self._check(reference)

        def release(others: AccountConcurrency, function: FunctionConcurrency) -> FunctionConcurrency:
            del others  # its provisioned concurrency was part of what it gives back: it always fits
            return msgspec.structs.replace(function, reserved=None)

        await self._settings.change(reference.scope, reference.name, release)

    def _check(self, reference: FunctionReference) -> None:
        if reference.qualifier is not None:
            raise FunctionRequired
        if not self._exists(reference):
            raise FunctionNotFound(reference.arn)

    def _exists(self, reference: FunctionReference) -> bool:
        return self._functions.find_version(reference.scope, reference.name, LATEST) is not None


def without_provisioned(function: FunctionConcurrency, qualifier: str) -> FunctionConcurrency:
    """The same without the provisioned concurrency of a qualifier."""
    kept = {name: config for name, config in function.provisioned.items() if name != qualifier}
    return msgspec.structs.replace(function, provisioned=kept)


def scope_of(key: tuple[str, ...]) -> Scope:
    """The scope of a record whose key begins with account and region."""
    return Scope(key[0], key[1], partition_of(key[1]))


def _key(scope: Scope) -> tuple[str, str]:
    return scope.account_id, scope.region
