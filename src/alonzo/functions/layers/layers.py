"""Layers and their versions: what the operations on them do, and which of them a function may use.

One record a version, keyed by account, region, name and number, and one a layer that counts the versions that were ever published.
A number is taken by a compare-and-set of the count before the version is written: two publishers never get the same one, and a node that is
killed in between leaves a gap. Functions keep what they need of a layer version themselves and go on working when it is deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.functions.code.directories import CodeDirectories
from alonzo.functions.code.packages import unzipped_bytes
from alonzo.functions.code.sources import CodeSource, ContainerImage
from alonzo.functions.errors import CodeStorageExceeded, InvalidParameter, ResourceNotFound
from alonzo.model import quotas
from alonzo.model.function import CodePackage, FunctionLayer
from alonzo.model.layer import LayerCounter, LayerReference, LayerVersion, LayerVersionReference
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.records import RecordTable

RecordKey = tuple[str, ...]
MayUse = Callable[[Scope, LayerVersionReference], bool]
"""Whether somebody may use a layer version of another account: what layer policies say."""

Forget = Callable[[LayerVersionReference], Awaitable[None]]
"""Deletes what belongs to a layer version. There may be nothing."""


class LayerVersionNotFound(ResourceNotFound):
    """There is no such layer, or no such version of it."""

    def __init__(self) -> None:
        super().__init__("The resource you requested does not exist.")


class LayerAccessDenied(AlonzoError):
    """The layer belongs to another account, which does not allow this; or to one that allows it, and is not there."""

    def __init__(self, caller: Scope, *, action: str, arn: str) -> None:
        super().__init__(
            f"User: arn:{caller.partition}:iam::{caller.account_id}:root is not authorized to perform: lambda:{action} on resource: {arn} "
            f"because no resource-based policy allows the lambda:{action} action"
        )


class LayerOfOtherRegion(ResourceNotFound):
    """The ARN is of another region than the endpoint that was asked. Worded as AWS words it of functions."""

    def __init__(self, *, region: str, here: str) -> None:
        super().__init__(f"Layers from '{region}' are not reachable in this region ('{here}')")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLayerVersion:
    """What PublishLayerVersion says. `content` is a zip archive."""

    layer: LayerReference
    content: bytes
    description: str = ""
    compatible_runtimes: tuple[str, ...] | None = None
    compatible_architectures: tuple[str, ...] | None = None
    license_info: str | None = None


class Layers:
    """The layers of all accounts. Reads are look-ups in memory; writes raise the store's errors, too."""

    def __init__(
        self,
        *,
        counters: RecordTable[LayerCounter],
        versions: RecordTable[LayerVersion],
        code_directories: CodeDirectories,
        may_use: MayUse,
        clock: Clock,
    ) -> None:
        self._counters = counters
        self._versions = versions
        self._code_directories = code_directories
        self._may_use = may_use
        self._clock = clock

    def find_version(self, reference: LayerVersionReference) -> LayerVersion | None:
        """The version; None when it is not there (any more)."""
        return self._versions.find(_version_key(reference))

    def get_version(self, reference: LayerVersionReference, *, caller: Scope) -> LayerVersion:
        """The version, for whoever may use it. Errors: `InvalidParameter`, `LayerVersionNotFound` and
        the ones of references to other regions and accounts.
        """
        _check_number(reference)
        version = self.find_version(reference)
        if not self._is_usable(reference, version, caller):
            raise LayerAccessDenied(caller, action="GetLayerVersion", arn=reference.arn)
        if reference.layer.scope.region != caller.region:
            raise LayerOfOtherRegion(region=reference.layer.scope.region, here=caller.region)
        if version is None:
            raise LayerVersionNotFound
        return version

    def iter_versions(
        self, layer: LayerReference, *, caller: Scope, runtime: str | None = None, architecture: str | None = None
    ) -> Iterator[LayerVersion]:
        """The versions of a layer that are compatible with both, the newest first. `LayerAccessDenied`."""
        _check_own(layer, caller, "ListLayerVersions")
        versions = (version for _, version in self._versions.iter_prefix(_counter_key(layer)))
        matching = [version for version in versions if version.matches(runtime=runtime, architecture=architecture)]
        return reversed(matching)

    def iter_latest(self, scope: Scope, *, runtime: str | None = None, architecture: str | None = None) -> Iterator[LayerVersion]:
        """The newest version of each layer of an account and region that is compatible with both, by name."""
        newest: LayerVersion | None = None
        for _, version in self._versions.iter_prefix((scope.account_id, scope.region)):
            if not version.matches(runtime=runtime, architecture=architecture):
                continue
            if newest is not None and newest.reference.layer != version.reference.layer:
                yield newest
            newest = version
        if newest is not None:
            yield newest

    def stored_bytes(self, scope: Scope) -> int:
        """What the layers of an account and region take of its storage for code; O(versions)."""
        return sum(version.code.size_bytes for _, version in self._versions.iter_prefix((scope.account_id, scope.region)))

    async def publish(self, new: NewLayerVersion, *, caller: Scope, used_bytes: int) -> LayerVersion:
        """Publish an archive as the next version of a layer, which is made by its first one.

        `used_bytes`: of the account's storage for code, by functions and layers.
        `LayerAccessDenied`, `InvalidParameter` and its kinds, `ZippedCodeTooLarge`, `CodeStorageExceeded`.
        """
        _check_own(new.layer, caller, "PublishLayerVersion")
        package = await self._code_directories.admit(new.content)
        if used_bytes + package.size_bytes > quotas.CODE_STORAGE_MAX_BYTES:
            raise CodeStorageExceeded
        version = LayerVersion(
            reference=LayerVersionReference(new.layer, await self._take_number(new.layer)),
            code=package,
            unzipped_bytes=await self._code_directories.unzipped_bytes(package.sha256),
            description=new.description,
            compatible_runtimes=new.compatible_runtimes,
            compatible_architectures=new.compatible_architectures,
            license_info=new.license_info,
            created_unix_ms=self._clock.unix_ms(),
        )
        await self._versions.put(_version_key(version.reference), version)
        return version

    async def delete_version(self, reference: LayerVersionReference, *, caller: Scope, forget: Forget) -> None:
        """Delete a version and first, with `forget`, what belongs to it; nothing happens when it is not there.

        `InvalidParameter`, `LayerAccessDenied`, `LayerOfOtherRegion`.
        """
        _check_number(reference)
        _check_own(reference.layer, caller, "DeleteLayerVersion", arn=reference.arn)
        await forget(reference)
        await self._versions.delete(_version_key(reference))

    def resolve(self, arns: Sequence[str], function: Scope) -> tuple[FunctionLayer, ...]:
        """The layer versions that a function of that account and region shall have, in order. `InvalidParameter`, `LayerAccessDenied`."""
        if len(arns) > quotas.LAYERS_MAX:
            raise InvalidParameter(f"Cannot reference more than {quotas.LAYERS_MAX} layers.")
        seen: dict[LayerReference, str] = {}
        resolved = []
        for arn in arns:
            reference, resolved_layer = self._resolve(arn, function)
            layer = reference.layer
            if layer in seen:
                raise InvalidParameter(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{seen[layer]} and {arn} are versions of the same layer."
                )
            seen[layer] = arn
            resolved.append(resolved_layer)
        return tuple(resolved)

    async def check_total_size(self, layers: Sequence[FunctionLayer], code: CodeSource | CodePackage) -> None:
        """Whether a function's code and its layers keep the quota together. `InvalidParameter`."""
        if not layers or isinstance(code, ContainerImage):
            return
        if isinstance(code, CodePackage):
            code_bytes = await self._code_directories.unzipped_bytes(code.sha256)
        else:
            code_bytes = await asyncio.to_thread(unzipped_bytes, code)
        total_bytes = code_bytes + sum(layer.unzipped_bytes for layer in layers)
        if total_bytes > quotas.CODE_UNZIPPED_MAX_BYTES:
            # As the service answers; not among the recorded answers.
            raise InvalidParameter(
                f"Function code combined with layers exceeds the maximum allowed size of {quotas.CODE_UNZIPPED_MAX_BYTES} bytes. "
                f"The actual size is {total_bytes} bytes."
            )

    def _resolve(self, arn: str, function: Scope) -> tuple[LayerVersionReference, FunctionLayer]:
        reference = LayerVersionReference.find(arn)
        version = None if reference is None else self.find_version(reference)
        if reference is not None and version is None and _is_of_aws(reference, function):
            return reference, FunctionLayer(arn, None, 0)
        if reference is not None:
            is_usable = self._is_usable(reference, version, function)
            is_own = reference.layer.scope.account_id == function.account_id
            is_here = reference.layer.scope.region == function.region
            if not is_usable or not (is_own or is_here):
                raise LayerAccessDenied(function, action="GetLayerVersion", arn=arn)
            if not is_here:
                raise InvalidParameter(
                    f"Layers are not in the same region as the function. Layers are expected to be in region {function.region}."
                )
        if version is None:
            raise InvalidParameter(f"Layer version {arn} does not exist.")
        return version.reference, FunctionLayer(version.reference.arn, version.code, version.unzipped_bytes)

    def _is_usable(self, reference: LayerVersionReference, version: LayerVersion | None, caller: Scope) -> bool:
        """Of other accounts only what is there and allowed: nobody learns what they have."""
        if reference.layer.scope.account_id == caller.account_id:
            return True
        return version is not None and self._may_use(caller, reference)

    async def _take_number(self, layer: LayerReference) -> int:
        key = _counter_key(layer)
        while True:
            record = self._counters.get_versioned(key)
            try:
                if record is None:
                    await self._counters.create(key, LayerCounter(1))
                    return 1
                number = record.value.published_count + 1
                await self._counters.update(key, LayerCounter(number), revision=record.revision)
            except (RecordExists, RecordConflict):
                continue  # another publisher has taken it; the table shows by now how far they are
            return number


def _is_of_aws(reference: LayerVersionReference, function: Scope) -> bool:
    """Whether it is AWS's extension for Lambda Insights in the function's region: it need not be here, the node does what it does."""
    scope = reference.layer.scope
    if reference.version < 1:
        return False
    return reference.layer.is_insights_extension and scope.account_id != function.account_id and scope.region == function.region


def _check_number(reference: LayerVersionReference) -> None:
    if reference.version < 1:
        raise InvalidParameter("Layer Version Cannot be less than 1")


def _check_own(layer: LayerReference, caller: Scope, action: str, *, arn: str | None = None) -> None:
    """Only the use of a layer version can be allowed to others."""
    if layer.scope.account_id != caller.account_id:
        raise LayerAccessDenied(caller, action=action, arn=arn or layer.arn)
    if layer.scope.region != caller.region:
        raise LayerOfOtherRegion(region=layer.scope.region, here=caller.region)


def _counter_key(layer: LayerReference) -> RecordKey:
    return layer.scope.account_id, layer.scope.region, layer.name


def _version_key(reference: LayerVersionReference) -> RecordKey:
    return *_counter_key(reference.layer), f"{reference.version:020}"  # keys sort as texts
