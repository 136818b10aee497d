"""Makes the environments of invocations: the code of a version brought to this node, an environment around it, known to the pools."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from alonzo.environment.environment import ExecutionEnvironment
from alonzo.invoke.pools import EnvironmentPools
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import InitializationType


class CodeSource(Protocol):
    """Where the unpacked code of functions is."""

    def find(self, sha256: str) -> Path | None: ...

    async def ensure(self, sha256: str) -> Path: ...

    def find_layers(self, packages: Sequence[str]) -> Path | None: ...

    async def ensure_layers(self, packages: Sequence[str]) -> Path: ...


class EnvironmentSource(Protocol):
    """Makes environments; see `EnvironmentFactory`."""

    async def create(
        self, version: FunctionVersion, code_directory: Path, layers_directory: Path | None, *, initialization_type: InitializationType
    ) -> ExecutionEnvironment: ...

    async def clone(self, template: ExecutionEnvironment) -> ExecutionEnvironment: ...


class NewEnvironments:
    """One a node."""

    def __init__(self, *, code: CodeSource, environments: EnvironmentSource, pools: EnvironmentPools) -> None:
        self._code = code
        self._environments = environments
        self._pools = pools

    async def create(self, version: FunctionVersion, initialization_type: InitializationType) -> ExecutionEnvironment:
        """An environment that is not initialized yet. Errors: those of `EnvironmentSource`, and of the code's source."""
        sha256 = version.code.sha256
        directory = self._code.find(sha256) or await self._code.ensure(sha256)
        layers_directory = await self._layers_directory(version) if version.layers else None
        environment = await self._environments.create(version, directory, layers_directory, initialization_type=initialization_type)
        self._pools.add(environment)
        return environment

    async def clone(self, template: ExecutionEnvironment) -> ExecutionEnvironment:
        """Another environment of one that waits to be restored and can be cloned. SandboxLost."""
        environment = await self._environments.clone(template)
        self._pools.add(environment)
        return environment

    async def _layers_directory(self, version: FunctionVersion) -> Path:
        packages = version.layer_packages
        return self._code.find_layers(packages) or await self._code.ensure_layers(packages)
