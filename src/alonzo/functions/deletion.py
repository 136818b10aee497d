"""Deleting a function, or one version of it, with all that belongs to it.

What belongs to a function goes first and its `$LATEST` last: a node that is killed in between leaves a function that can be deleted again,
never a setting without a function.
"""

from collections.abc import Sequence
from typing import Protocol

from alonzo.functions.registry import Functions
from alonzo.model.names import FunctionReference


class FunctionDependent(Protocol):
    """Records that belong to functions or to their versions."""

    async def forget(self, reference: FunctionReference) -> None:
        """Delete what belongs to a function, or with a qualifier what belongs to that version. There may be nothing, or half of it."""
        ...


class FunctionDeletion:
    """Knows everything that goes with a function."""

    def __init__(self, *, functions: Functions, dependents: Sequence[FunctionDependent]) -> None:
        self._functions = functions
        self._dependents = tuple(dependents)

    async def delete(self, reference: FunctionReference) -> None:
        """Delete a function with all its versions, or the version of the qualifier (nothing happens if there is no such version).

        `FunctionNotFound`; `InvalidParameter` for what cannot be deleted this way: `$LATEST` and aliases.
        """
        self._functions.check_deletable(reference)
        for dependent in self._dependents:
            await dependent.forget(reference)
        await self._functions.delete(reference)
