"""Changes of resource policies, whatever they belong to: statements that come and go, sizes, revisions.

Source of the messages: recorded answers; the one of the size from reports of users (https://github.com/serverless/serverless/issues/5357).
"""

from collections.abc import Callable

import msgspec

from alonzo.errors import AlonzoError
from alonzo.functions.errors import PreconditionFailed, ResourceConflict, ResourceNotFound
from alonzo.functions.policies.documents import write_policy
from alonzo.ids import new_uuid
from alonzo.model import quotas
from alonzo.model.policy import ResourcePolicy, Statement
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.records import RecordTable

PolicyKey = tuple[str, ...]
PolicyChange = Callable[[ResourcePolicy | None], ResourcePolicy | None]
"""From a resource's policy to what it shall be; None stands for no policy. It may be called several times for one change."""


class NoPolicy(ResourceNotFound):
    """The resource has no policy from which anything could be removed."""

    def __init__(self) -> None:
        super().__init__("No policy is associated with the given resource.")


class StatementNotFound(ResourceNotFound):
    """The policy has no statement of that id."""

    def __init__(self, sid: str) -> None:
        super().__init__(f"Statement {sid} is not found in resource policy.")


class StatementExists(ResourceConflict):
    """The policy has a statement of that id."""

    def __init__(self, sid: str) -> None:
        super().__init__(
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the existing statement."
        )


class PolicyRevisionMismatch(PreconditionFailed):
    """The caller knows an older revision of the policy; `source` is the operation that tells the latest one."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"The Revision Id provided does not match the latest Revision Id. Call the {source} API to retrieve the latest Revision Id"
        )


class PolicyTooLong(AlonzoError):
    """The whole policy as a document would be larger than the quota."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"The final policy size ({size_bytes}) is bigger than the limit ({quotas.RESOURCE_POLICY_MAX_BYTES}).")


def adding(statement: Statement, *, revision_id: str | None, revision_source: str) -> PolicyChange:
    """The change that adds a statement. It raises `PolicyRevisionMismatch`, `StatementExists`, `PolicyTooLong`."""

    def change(policy: ResourcePolicy | None) -> ResourcePolicy:
        check_revision(policy, revision_id, revision_source)
        statements = () if policy is None else policy.statements
        if any(other.sid == statement.sid for other in statements):
            raise StatementExists(statement.sid or "")
        if policy is None:
            return checked(ResourcePolicy(statements=(statement,), revision_id=new_uuid()))
        return checked(msgspec.structs.replace(policy, statements=(*statements, statement), revision_id=new_uuid()))

    return change


def removing(sid: str, *, revision_id: str | None, revision_source: str) -> PolicyChange:
    """The change that removes a statement, the last one with its policy. It raises `NoPolicy`, `StatementNotFound`,
    `PolicyRevisionMismatch`.
    """

    def change(policy: ResourcePolicy | None) -> ResourcePolicy | None:
        if policy is None:
            raise NoPolicy
        left = tuple(statement for statement in policy.statements if statement.sid != sid)
        if len(left) == len(policy.statements):
            raise StatementNotFound(sid)
        check_revision(policy, revision_id, revision_source)
        return msgspec.structs.replace(policy, statements=left, revision_id=new_uuid()) if left else None

    return change


def check_revision(policy: ResourcePolicy | None, revision_id: str | None, revision_source: str) -> None:
    """`PolicyRevisionMismatch`, for every revision where there is no policy."""
    if revision_id is not None and (policy is None or policy.revision_id != revision_id):
        raise PolicyRevisionMismatch(revision_source)


def checked(policy: ResourcePolicy) -> ResourcePolicy:
    """The policy itself, if it is not too long: `PolicyTooLong`."""
    size_bytes = len(write_policy(policy).encode())
    if size_bytes > quotas.RESOURCE_POLICY_MAX_BYTES:
        raise PolicyTooLong(size_bytes)
    return policy


class PolicyRecords:
    """Policies by the keys of what they belong to. Writes raise the store's errors, too."""

    def __init__(self, records: RecordTable[ResourcePolicy]) -> None:
        self._records = records

    def find(self, key: PolicyKey) -> ResourcePolicy | None:
        """The policy; None when there is none."""
        return self._records.find(key)

    async def change(self, key: PolicyKey, change: PolicyChange) -> ResourcePolicy | None:
        """Carry out a change and return what the policy is then. Errors: those of the change.

        When somebody else changes the policy at the same time the change is made to what they have left: two statements that are added at
        once are both there. Each further attempt means that another change has succeeded.
        """
        while True:
            record = self._records.get_versioned(key)
            changed = change(None if record is None else record.value)
            try:
                if changed is None:
                    if record is not None:
                        await self._records.delete(key, revision=record.revision)
                elif record is None:
                    await self._records.create(key, changed)
                else:
                    await self._records.update(key, changed, revision=record.revision)
            except (RecordExists, RecordConflict):
                continue
            return changed

    async def forget(self, key: PolicyKey) -> None:
        """Delete the policy of this key, and of all that begin with it. There may be none."""
        await self._records.delete_prefix(key)
