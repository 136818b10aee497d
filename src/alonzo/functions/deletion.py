"""Deleting a function, one version of it or one alias, with all that belongs to it.

What belongs to a function goes first and its `$LATEST` last: a node that is killed in between leaves a function that can be deleted again,
never a setting without a function.
"""

from collections.abc import Sequence
from typing import Protocol

from alonzo.functions.aliases import Aliases
from alonzo.functions.registry import Functions
from alonzo.model.names import FunctionReference


class FunctionDependent(Protocol):
    """Records that belong to functions, or to their versions and aliases."""

    async def forget(self, reference: FunctionReference) -> None:
        """Delete what belongs to a function, or with a qualifier to that version or alias. There may be nothing, or half of it."""
        ...


class FunctionDeletion:
    """Knows everything that goes with a function."""

    def __init__(self, *, functions: Functions, aliases: Aliases, dependents: Sequence[FunctionDependent]) -> None:
        self._functions = functions
        self._aliases = aliases
        self._dependents: tuple[FunctionDependent, ...] = (aliases, *dependents)

    async def delete(self, reference: FunctionReference) -> None:
        """Delete a function with all its versions, or the version of the qualifier (nothing happens if there is no such version).

        `FunctionNotFound`, `VersionInUse`; `InvalidParameter` for what cannot be deleted this way: `$LATEST` and aliases.
        """
        async with self._functions.turn(reference):
            self._functions.check_deletable(reference)
            if reference.qualifier is not None:
                self._aliases.check_unused(reference)
            await self._forget(reference)
            await self._functions.delete(reference)
            # Settings do not wait for turns: one that was made meanwhile shall not be the next function's of that name.
            await self._forget(reference)

    async def delete_alias(self, reference: FunctionReference) -> None:
        """Delete the alias of the qualifier; one that is not there stays so. `FunctionNotFound`."""
        async with self._functions.turn(reference):
            await self._forget(reference)
            await self._aliases.delete(reference)
            await self._forget(reference)  # again, as above

    async def _forget(self, reference: FunctionReference) -> None:
        for dependent in self._dependents:
            await dependent.forget(reference)
