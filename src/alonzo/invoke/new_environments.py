"""Makes environments: room in memory, the code of a version brought to this node, an environment around it, known to the pools."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from alonzo.environment.environment import ExecutionEnvironment
from alonzo.invoke.memory_room import MemoryRoom, Share
from alonzo.invoke.pools import EnvironmentPools
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import InitializationType


class CodeSource(Protocol):
    """Where the unpacked code of functions is."""

    def find(self, sha256: str) -> Path | None: ...

    async def ensure(self, sha256: str) -> Path: ...

    def find_layers(self, packages: Sequence[str]) -> Path | None: ...

    async def ensure_layers(self, packages: Sequence[str]) -> Path: ...


class ImageSource(Protocol):
    """Where the unpacked images of functions are."""

    async def ensure(self, digest: str, uri: str) -> Path: ...


class EnvironmentSource(Protocol):
    """Makes environments; see `EnvironmentFactory`."""

    async def create(
        self, version: FunctionVersion, code_directory: Path, layers_directory: Path | None, *, initialization_type: InitializationType
    ) -> ExecutionEnvironment: ...

    async def clone(self, template: ExecutionEnvironment) -> ExecutionEnvironment: ...


class NewEnvironments:
    """One a node."""

    def __init__(
        self, *, code: CodeSource, images: ImageSource, environments: EnvironmentSource, pools: EnvironmentPools, room: MemoryRoom
    ) -> None:
        self._code = code
        self._images = images
        self._environments = environments
        self._pools = pools
        self._room = room
        self._shares: dict[ExecutionEnvironment, Share] = {}
        """Of environments that have not served an invocation yet."""

    async def create(self, version: FunctionVersion, initialization_type: InitializationType) -> ExecutionEnvironment:
        """An environment that is not initialized yet. Errors: those of `MemoryRoom.take`, `EnvironmentSource`, and of the code's source."""
        share = await self._room.take(version)
        try:
            directory = await self._code_directory(version)
            layers_directory = await self._layers_directory(version) if version.layer_packages else None
            environment = await self._environments.create(version, directory, layers_directory, initialization_type=initialization_type)
        except BaseException:
            self._room.give_back(share)
            raise
        self._add(environment, share)
        return environment

    async def clone(self, template: ExecutionEnvironment) -> ExecutionEnvironment:
        """Another environment of one that waits to be restored and can be cloned. SandboxLost, or Throttled for want of memory."""
        share = await self._room.take(template.version)
        try:
            environment = await self._environments.clone(template)
        except BaseException:
            self._room.give_back(share)
            raise
        self._add(environment, share)
        return environment

    def note_used(self, environment: ExecutionEnvironment) -> None:
        """It has served its first invocation: others of the function are expected to take as much memory."""
        self._give_back_share(environment)
        used_bytes = environment.peak_memory_bytes
        if used_bytes is not None:
            self._room.learn(environment.version, used_bytes)

    def _add(self, environment: ExecutionEnvironment, share: Share) -> None:
        share.used_bytes = lambda: environment.peak_memory_bytes
        self._shares[environment] = share
        environment.ended.add_done_callback(lambda _: self._give_back_share(environment))
        self._pools.add(environment)

    def _give_back_share(self, environment: ExecutionEnvironment) -> None:
        share = self._shares.pop(environment, None)
        if share is not None:
            self._room.give_back(share)

    async def _code_directory(self, version: FunctionVersion) -> Path:
        sha256, image_uri = version.code.sha256, version.code.image_uri
        if image_uri is not None:
            return await self._images.ensure(sha256, image_uri)
        return self._code.find(sha256) or await self._code.ensure(sha256)

    async def _layers_directory(self, version: FunctionVersion) -> Path:
        packages = version.layer_packages
        return self._code.find_layers(packages) or await self._code.ensure_layers(packages)
