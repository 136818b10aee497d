"""The resource policies of functions, versions and aliases: who may use them besides their owner.

Each has a policy of its own, and revision ids of its own, too: publishing a version or changing an alias does not touch any. The policy of
a function is about the function as such, for whoever gives no qualifier; `$LATEST` has none.
"""

from collections.abc import Callable

from alonzo.functions.errors import FunctionNotFound, InvalidParameter, ResourceNotFound
from alonzo.functions.policies.documents import read_policy
from alonzo.functions.policies.records import NoPolicy, PolicyKey, PolicyRecords, adding, check_revision, checked, removing
from alonzo.functions.registry import Functions
from alonzo.ids import new_uuid
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference, is_version_number
from alonzo.model.policy import ResourcePolicy, Statement
from alonzo.store.records import RecordTable

AliasExists = Callable[[FunctionReference], bool]
"""Whether there is an alias; the reference's qualifier is its name."""

_OF_STATEMENTS = "GetPolicy"
_OF_DOCUMENTS = "GetResourcePolicy"


class PolicyNotFound(ResourceNotFound):
    """What was asked for has no policy, or it is not there itself: AWS does not tell which."""

    def __init__(self) -> None:
        super().__init__("The resource you requested does not exist.")


class FunctionHasNoPolicy(ResourceNotFound):
    """There is no function from whose policy anything could be removed."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"No policy found for: {arn}")


class PolicyAliasNotFound(ResourceNotFound):
    """The function has no such alias. Operations on policies say it in words of their own."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Cannot find alias arn: {arn}")


class FunctionPolicies:
    """The policies of all functions. Reads are look-ups in memory; writes raise the store's errors, too."""

    def __init__(self, *, records: RecordTable[ResourcePolicy], functions: Functions, alias_exists: AliasExists) -> None:
        self._policies = PolicyRecords(records)
        self._functions = functions
        self._alias_exists = alias_exists

    def find(self, reference: FunctionReference) -> ResourcePolicy | None:
        """The policy of exactly this: of the function, or of the version or alias of the qualifier."""
        return self._policies.find(_key(reference))

    def get(self, reference: FunctionReference) -> ResourcePolicy:
        """As `find`; `PolicyNotFound`."""
        policy = self.find(reference)
        if policy is None:
            raise PolicyNotFound
        return policy

    async def add_statement(self, reference: FunctionReference, statement: Statement, *, revision_id: str | None = None) -> None:
        """Add a statement; `revision_id` is that of the policy as the caller knows it.

        `InvalidParameter` ($LATEST), `FunctionNotFound`, `PolicyAliasNotFound`, `PolicyRevisionMismatch`, `StatementExists`,
        `PolicyTooLong`.
        """
        self._check_target(reference)
        await self._policies.change(_key(reference), adding(statement, revision_id=revision_id, revision_source=_OF_STATEMENTS))

    async def remove_statement(self, reference: FunctionReference, sid: str, *, revision_id: str | None = None) -> None:
        """Remove a statement, the last one with the policy.

        `FunctionHasNoPolicy`, `FunctionNotFound`, `PolicyAliasNotFound`, `NoPolicy`, `StatementNotFound`, `PolicyRevisionMismatch`.
        """
        if self._functions.find_version(reference.scope, reference.name, LATEST) is None:
            raise FunctionHasNoPolicy(reference.function_arn)
        if reference.qualifier != LATEST:
            self._check_target(reference)
        await self._policies.change(_key(reference), removing(sid, revision_id=revision_id, revision_source=_OF_STATEMENTS))

    async def put(self, reference: FunctionReference, document: str, *, revision_id: str | None = None) -> ResourcePolicy:
        """Give the resource this policy instead of the one it has.

        `InvalidParameter` ($LATEST), `FunctionNotFound`, `PolicyAliasNotFound`, `PolicyMalformed`, `PrincipalInvalid`,
        `PolicyRevisionMismatch`, `PolicyTooLong`.
        """
        self._check_target(reference)
        policy = checked(read_policy(document, resource_arn=reference.arn, revision_id=new_uuid()))

        def change(before: ResourcePolicy | None) -> ResourcePolicy:
            check_revision(before, revision_id, _OF_DOCUMENTS)
            return policy

        await self._policies.change(_key(reference), change)
        return policy

    async def delete(self, reference: FunctionReference, *, revision_id: str | None = None) -> None:
        """Delete the policy. `FunctionNotFound`, `PolicyAliasNotFound`, `NoPolicy`, `PolicyRevisionMismatch`."""
        if reference.qualifier != LATEST:
            self._check_target(reference)

        def change(before: ResourcePolicy | None) -> None:
            if before is None:
                raise NoPolicy
            check_revision(before, revision_id, _OF_DOCUMENTS)

        await self._policies.change(_key(reference), change)

    async def forget(self, reference: FunctionReference) -> None:
        """As a `FunctionDependent`: the policies of a function with all its versions and aliases, or those of the qualifier's."""
        await self._policies.forget(_key(reference))

    def _check_target(self, reference: FunctionReference) -> None:
        scope, name, qualifier = reference.scope, reference.name, reference.qualifier
        if qualifier == LATEST:
            raise InvalidParameter("We currently do not support adding policies for $LATEST.")
        if self._functions.find_version(scope, name, LATEST) is None:
            raise FunctionNotFound(reference.function_arn)
        if qualifier is None:
            return
        # What has a $ in it can be neither a number nor the name of an alias; `$LATEST.PUBLISHED` is a version.
        if is_version_number(qualifier) or "$" in qualifier:
            if self._functions.find_version(scope, name, qualifier) is None:
                raise FunctionNotFound(reference.arn)
        elif not self._alias_exists(reference):
            raise PolicyAliasNotFound(reference.arn)


def _key(reference: FunctionReference) -> PolicyKey:
    """A function's policy has a shorter key than those of its versions and aliases, and stands for all of them when they are forgotten."""
    key = (reference.scope.account_id, reference.scope.region, reference.name)
    return key if reference.qualifier is None else (*key, reference.qualifier)
