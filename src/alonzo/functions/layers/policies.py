"""The resource policies of layer versions: which other accounts may use them.

Asking and changing are apart: whoever uses layers asks, and to change a policy one must know the layers.
"""

from collections.abc import Callable

from alonzo.functions.errors import ResourceNotFound
from alonzo.functions.layers.layers import LayerAccessDenied
from alonzo.functions.policies.evaluation import Requester, is_allowed
from alonzo.functions.policies.records import NoPolicy, PolicyKey, PolicyRecords, adding, removing
from alonzo.model.layer import LayerVersion, LayerVersionReference
from alonzo.model.policy import ResourcePolicy, Statement
from alonzo.model.scope import Scope
from alonzo.store.records import RecordTable

FindLayerVersion = Callable[[LayerVersionReference], LayerVersion | None]

USE_OF_LAYER = "lambda:GetLayerVersion"
"""The one action that layer policies are about."""

_REVISION_SOURCE = "GetLayerPolicy"  # what AWS's message calls GetLayerVersionPolicy


class PolicyLayerNotFound(ResourceNotFound):
    """There is no such layer version. Operations on policies say it in words of their own."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Layer version {arn} does not exist.")


class LayerSharing:
    """What layer policies allow. Look-ups in memory."""

    def __init__(self, records: RecordTable[ResourcePolicy]) -> None:
        self._policies = PolicyRecords(records)

    def may_use(self, caller: Scope, reference: LayerVersionReference) -> bool:
        """Whether an account may use a layer version: its own always, another one's if the policy allows it.

        Accounts belong to no organization here: what is allowed to one is allowed to nobody.
        """
        if reference.layer.scope.account_id == caller.account_id:
            return True
        return is_allowed(self._policies.find(_key(reference)), USE_OF_LAYER, Requester(account_id=caller.account_id), {})


class LayerPolicies:
    """The policies of all layer versions; only the owner sees and changes them. Writes raise the store's errors, too."""

    def __init__(self, *, records: RecordTable[ResourcePolicy], find_layer_version: FindLayerVersion) -> None:
        self._policies = PolicyRecords(records)
        self._find_layer_version = find_layer_version

    def get(self, reference: LayerVersionReference, *, caller: Scope) -> ResourcePolicy:
        """The policy. `LayerAccessDenied`, `PolicyLayerNotFound`, `NoPolicy`."""
        self._check(reference, caller, "GetLayerVersionPolicy")
        policy = self._policies.find(_key(reference))
        if policy is None:
            raise NoPolicy
        return policy

    async def add_statement(
        self, reference: LayerVersionReference, statement: Statement, *, caller: Scope, revision_id: str | None = None
    ) -> ResourcePolicy:
        """Add a statement and return the policy.

        `LayerAccessDenied`, `PolicyLayerNotFound`, `PolicyRevisionMismatch`, `StatementExists`, `PolicyTooLong`.
        """
        self._check(reference, caller, "AddLayerVersionPermission")
        policy = await self._policies.change(_key(reference), adding(statement, revision_id=revision_id, revision_source=_REVISION_SOURCE))
        assert policy is not None
        return policy

    async def remove_statement(self, reference: LayerVersionReference, sid: str, *, caller: Scope, revision_id: str | None = None) -> None:
        """Remove a statement, the last one with the policy.

        `LayerAccessDenied`, `PolicyLayerNotFound`, `NoPolicy`, `StatementNotFound`, `PolicyRevisionMismatch`.
        """
        self._check(reference, caller, "RemoveLayerVersionPermission")
        await self._policies.change(_key(reference), removing(sid, revision_id=revision_id, revision_source=_REVISION_SOURCE))

    async def forget(self, reference: LayerVersionReference) -> None:
        """Delete the policy of a layer version that is being deleted. There may be none."""
        await self._policies.forget(_key(reference))

    def _check(self, reference: LayerVersionReference, caller: Scope, action: str) -> None:
        if reference.layer.scope != caller:
            raise LayerAccessDenied(caller, action=action, arn=reference.arn)
        if self._find_layer_version(reference) is None:
            raise PolicyLayerNotFound(reference.arn)


def _key(reference: LayerVersionReference) -> PolicyKey:
    layer = reference.layer
    return layer.scope.account_id, layer.scope.region, layer.name, str(reference.version)
