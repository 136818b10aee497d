"""Recursive loops: whether a function that seems to invoke itself is stopped.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html.
"""

from enum import StrEnum

import msgspec

from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.registry import Functions
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference
from alonzo.store.records import RecordTable


class RecursiveLoop(StrEnum):
    """Source: botocore shape `RecursiveLoop`."""

    ALLOW = "Allow"
    TERMINATE = "Terminate"


class RecursionConfig(msgspec.Struct, frozen=True):
    """A function's; those without one are terminated."""

    recursive_loop: RecursiveLoop


class RecursionConfigs:
    """One record a function that has ever been configured, keyed by account, region and name. Errors of writes: the store's, too."""

    def __init__(self, *, records: RecordTable[RecursionConfig], functions: Functions) -> None:
        self._records = records
        self._functions = functions

    async def put(self, reference: FunctionReference, recursive_loop: RecursiveLoop) -> None:
        """`FunctionNotFound`."""
        self._check(reference)
        await self._records.put(_key(reference), RecursionConfig(recursive_loop))

    def get(self, reference: FunctionReference) -> RecursiveLoop:
        """`FunctionNotFound`."""
        self._check(reference)
        config = self._records.find(_key(reference))
        return RecursiveLoop.TERMINATE if config is None else config.recursive_loop

    async def forget(self, reference: FunctionReference) -> None:
        """As a `FunctionDependent`: the configuration goes with the function."""
        if reference.qualifier is None:
            await self._records.delete(_key(reference))

    def _check(self, reference: FunctionReference) -> None:
        if self._functions.find_version(reference.scope, reference.name, LATEST) is None:
            raise FunctionNotFound(reference.function_arn)


def _key(reference: FunctionReference) -> tuple[str, ...]:
    return reference.scope.account_id, reference.scope.region, reference.name
