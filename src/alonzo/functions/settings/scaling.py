"""Scaling of function versions on capacity providers: between how many execution environments they stay.

A record of what is wanted: nothing runs on the instances of a capacity provider here.
Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html.
"""

import msgspec

from alonzo.functions.errors import FunctionNotFound, InvalidParameter
from alonzo.functions.registry import Functions
from alonzo.model.function import FunctionVersion
from alonzo.model.names import FunctionReference
from alonzo.store.records import RecordTable


class ScalingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Of one version; None leaves the number to the service."""

    min_environment_count: int | None = None
    max_environment_count: int | None = None


class ScalingConfigs:
    """One record a version that has ever been configured, keyed by account, region, name and version."""

    def __init__(self, *, records: RecordTable[ScalingConfig], functions: Functions) -> None:
        self._records = records
        self._functions = functions

    async def put(self, reference: FunctionReference, config: ScalingConfig) -> FunctionVersion:
        """Without any number the version is as never configured. `FunctionNotFound`, `InvalidParameter`. Returns the version."""
        version = self._get_version(reference)
        if version.capacity_provider is None:
            raise InvalidParameter("Function scaling configuration is only supported for functions that use a capacity provider.")
        minimum, maximum = config.min_environment_count, config.max_environment_count
        if minimum is not None and maximum is not None and minimum > maximum:
            raise InvalidParameter("MinExecutionEnvironments cannot be greater than MaxExecutionEnvironments.")
        await self._records.put(_key(reference), config)
        return version

    def find(self, reference: FunctionReference) -> ScalingConfig | None:
        """None for a version that was never configured. `FunctionNotFound`."""
        self._get_version(reference)
        return self._records.find(_key(reference))

    async def forget(self, reference: FunctionReference) -> None:
        """As a `FunctionDependent`: the configuration goes with its version, all of them with the function."""
        scope = reference.scope
        key = (scope.account_id, scope.region, reference.name, *(() if reference.qualifier is None else (reference.qualifier,)))
        await self._records.delete_prefix(key)

    def _get_version(self, reference: FunctionReference) -> FunctionVersion:
        version = self._functions.find_version(reference.scope, reference.name, reference.qualifier)
        if version is None:
            raise FunctionNotFound(reference.arn)
        return version


def _key(reference: FunctionReference) -> tuple[str, ...]:
    return reference.scope.account_id, reference.scope.region, reference.name, reference.qualifier or ""
