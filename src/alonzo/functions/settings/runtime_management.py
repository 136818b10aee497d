"""When a function version moves on to a newer version of its runtime.

A record of what is wanted: here every runtime has one version, the interpreter of the machine, so there is nothing to move to.
Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html.
"""

from enum import StrEnum

import msgspec

from alonzo.functions.errors import FunctionNotFound, InvalidParameter
from alonzo.functions.registry import Functions
from alonzo.model.function import LATEST
from alonzo.model.names import FunctionReference
from alonzo.store.records import RecordTable


class UpdateRuntimeOn(StrEnum):
    """Source: botocore shape `UpdateRuntimeOn`."""

    AUTO = "Auto"
    MANUAL = "Manual"
    FUNCTION_UPDATE = "FunctionUpdate"


class RuntimeManagementConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Of one version. `runtime_version_arn`: the runtime it is to stay on; with `MANUAL` only."""

    update_runtime_on: UpdateRuntimeOn = UpdateRuntimeOn.AUTO
    runtime_version_arn: str | None = None


_DEFAULT = RuntimeManagementConfig()


class RuntimeManagement:
    """One record a version that has ever been configured, keyed by account, region, name and version."""

    def __init__(self, *, records: RecordTable[RuntimeManagementConfig], functions: Functions) -> None:
        self._records = records
        self._functions = functions

    async def put(self, reference: FunctionReference, config: RuntimeManagementConfig) -> None:
        """`FunctionNotFound`; `InvalidParameter` for a version of the runtime without `MANUAL`, or `MANUAL` without that."""
        self._check(reference)
        is_manual = config.update_runtime_on is UpdateRuntimeOn.MANUAL
        if is_manual and config.runtime_version_arn is None:
            raise InvalidParameter("RuntimeVersionArn must be provided when UpdateRuntimeOn is set to Manual.")
        if not is_manual and config.runtime_version_arn is not None:
            raise InvalidParameter("RuntimeVersionArn can only be provided when UpdateRuntimeOn is set to Manual.")
        await self._records.put(_key(reference), config)

    def get(self, reference: FunctionReference) -> RuntimeManagementConfig:
        """`FunctionNotFound`."""
        self._check(reference)
        return self._records.find(_key(reference)) or _DEFAULT

    async def forget(self, reference: FunctionReference) -> None:
        """As a `FunctionDependent`: the configuration goes with its version, all of them with the function."""
        scope = reference.scope
        key = (scope.account_id, scope.region, reference.name, *(() if reference.qualifier is None else (reference.qualifier,)))
        await self._records.delete_prefix(key)

    def _check(self, reference: FunctionReference) -> None:
        """Aliases have none: it is a version that runs on a runtime."""
        if self._functions.find_version(reference.scope, reference.name, reference.qualifier) is None:
            raise FunctionNotFound(reference.arn)


def _key(reference: FunctionReference) -> tuple[str, ...]:
    return reference.scope.account_id, reference.scope.region, reference.name, reference.qualifier or LATEST
