"""Code signing configurations, which functions have one, and what that means for code that is deployed.

Packages cannot be verified here: the signatures are AWS Signer's, and nobody but AWS knows its profiles. So every package counts as
unsigned, which is what a test of such a policy wants to see: `Enforce` refuses all code, `Warn` lets it through and says so in the log.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.functions.errors import InvalidParameter, ResourceConflict, ResourceNotFound
from alonzo.functions.registry import Functions
from alonzo.functions.tags import TagChange, checked_tags
from alonzo.ids import new_hex_id
from alonzo.model.code_signing import CodeSigningConfig, FunctionCodeSigning, UntrustedArtifactPolicy
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict
from alonzo.store.record_index import Versioned
from alonzo.store.records import RecordTable

_log = logging.getLogger(__name__)


class CodeSigningConfigNotFound(ResourceNotFound):
    """No such configuration, for the operations on configurations."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"The Lambda code signing configuration {arn} can not be found.")


class FunctionCodeSigningConfigNotFound(AlonzoError):
    """No such configuration, for the operations on functions: it has a code of its own there."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"The code signing configuration cannot be found. Check that the provided configuration is not deleted: {arn}.")


class CodeSigningConfigInUse(ResourceConflict):
    """Functions have this configuration. The words are ours."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"The code signing configuration {arn} cannot be deleted because functions use it.")


class CodeSigningConfigChanged(ResourceConflict):
    """Somebody else changed the configuration at the same time. The words are ours."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"An update is in progress for the code signing configuration: {arn}")


class CodeNotVerified(AlonzoError):
    """The function's configuration forbids code like this. Source of the message: https://github.com/aws/aws-cdk/issues/29474."""

    def __init__(self, function: str) -> None:
        super().__init__(
            "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not "
            f"configured to accept. Check the provided signature for {function}."
        )


class ImageNotSignable(InvalidParameter):
    """Source: https://github.com/cloudquery/cq-provider-aws/pull/230."""

    def __init__(self) -> None:
        super().__init__("Code signing is not supported for functions created with container images.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSigningChange:
    """What CreateCodeSigningConfig and UpdateCodeSigningConfig say; None leaves a setting as it is."""

    description: str | None = None
    signing_profile_version_arns: tuple[str, ...] | None = None
    policy: UntrustedArtifactPolicy | None = None

    def apply(self, config: CodeSigningConfig) -> CodeSigningConfig:
        """The configuration with the settings that are given."""
        given = {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}
        return msgspec.structs.replace(config, **given)


class CodeSigning:
    """The configurations of all accounts; a `FunctionDependent` and a `TaggedResource`. Writes raise the store's errors, too."""

    def __init__(
        self,
        *,
        configs: RecordTable[CodeSigningConfig],
        attachments: RecordTable[FunctionCodeSigning],
        functions: Functions,
        clock: Clock,
    ) -> None:
        self._configs = configs
        self._attachments = attachments
        self._functions = functions
        self._clock = clock

    async def create(self, scope: Scope, change: CodeSigningChange, *, tags: Mapping[str, str] | None = None) -> CodeSigningConfig:
        """A new configuration. `InvalidParameter` for tags that cannot be."""
        blank = CodeSigningConfig(
            scope=scope,
            config_id=f"csc-0{new_hex_id(8)}",
            signing_profile_version_arns=(),
            last_modified_unix_ms=self._clock.unix_ms(),
            tags=checked_tags(tags or {}),
        )
        config = change.apply(blank)
        await self._configs.create(_key(config), config)
        return config

    def get(self, scope: Scope, arn: str) -> CodeSigningConfig:
        """`CodeSigningConfigNotFound`."""
        return self._get_versioned(scope, arn).value

    def iter_configs(self, scope: Scope) -> Iterator[CodeSigningConfig]:
        """The configurations of an account and region, by their ids."""
        return (config for _, config in self._configs.iter_prefix((scope.account_id, scope.region)))

    async def update(self, scope: Scope, arn: str, change: CodeSigningChange) -> CodeSigningConfig:
        """Functions are measured by the new settings from their next deployment on.

        `CodeSigningConfigNotFound`, `CodeSigningConfigChanged`.
        """
        record = self._get_versioned(scope, arn)
        config = change.apply(record.value)
        if config == record.value:
            return config
        config = msgspec.structs.replace(config, last_modified_unix_ms=self._clock.unix_ms())
        await self._write(config, record.revision)
        return config

    async def delete(self, scope: Scope, arn: str) -> None:
        """`CodeSigningConfigNotFound`, `CodeSigningConfigInUse`, `CodeSigningConfigChanged`."""
        record = self._get_versioned(scope, arn)
        if next(self.iter_function_arns(scope, arn), None) is not None:
            raise CodeSigningConfigInUse(arn)
        try:
            await self._configs.delete(_key(record.value), revision=record.revision)
        except RecordConflict as error:
            raise CodeSigningConfigChanged(arn) from error

    def iter_function_arns(self, scope: Scope, arn: str) -> Iterator[str]:
        """The unqualified ARNs of the functions that have this configuration, by name. `CodeSigningConfigNotFound`."""
        self.get(scope, arn)
        attachments = self._attachments.iter_prefix((scope.account_id, scope.region))
        return (FunctionReference(scope, found.function_name).function_arn for _, found in attachments if found.config_arn == arn)

    async def attach(self, reference: FunctionReference, arn: str) -> None:
        """Give a function this configuration. What is deployed already stays.

        `FunctionCodeSigningConfigNotFound`, `FunctionNotFound`, `ImageNotSignable`.
        """
        self.check_config(reference.scope, arn)
        self._check_function(reference)
        await self._attachments.put(_function_key(reference), FunctionCodeSigning(reference.scope, reference.name, arn))

    async def detach(self, reference: FunctionReference) -> None:
        """Take the configuration from a function, if it has one. `FunctionNotFound`, `ImageNotSignable`."""
        self._check_function(reference)
        await self._attachments.delete(_function_key(reference))

    def find_attached(self, reference: FunctionReference) -> str | None:
        """The ARN of the function's configuration; None when it has none. `FunctionNotFound`, `ImageNotSignable`."""
        self._check_function(reference)
        attachment = self._attachments.find(_function_key(reference))
        return None if attachment is None else attachment.config_arn

    def check_config(self, scope: Scope, arn: str) -> CodeSigningConfig:
        """The configuration that a function is to be given. `FunctionCodeSigningConfigNotFound`."""
        try:
            return self.get(scope, arn)
        except CodeSigningConfigNotFound as error:
            raise FunctionCodeSigningConfigNotFound(arn) from error

    def check_new_function(self, reference: FunctionReference, arn: str, *, is_image: bool) -> None:
        """Whether a function with this configuration may be created with the code it comes with.

        `FunctionCodeSigningConfigNotFound`, `CodeNotVerified`, `ImageNotSignable`.
        """
        if is_image:
            raise ImageNotSignable
        self._check_code(self.check_config(reference.scope, arn), reference, shown_as=reference.name)

    def check_deployment(self, reference: FunctionReference) -> None:
        """Whether a function that is there may be given other code or other layers.

        `CodeNotVerified`; `FunctionCodeSigningConfigNotFound` when its configuration was deleted as it was given to the function.
        """
        attachment = self._attachments.find(_function_key(reference))
        if attachment is not None:
            self._check_code(self.check_config(reference.scope, attachment.config_arn), reference, shown_as=reference.function_arn)

    def find_tags(self, arn: str, caller: Scope) -> Mapping[str, str] | None:
        """As `TaggedResource`."""
        record = self._find_versioned(caller, arn)
        return None if record is None else record.value.tags

    async def change_tags(self, arn: str, caller: Scope, change: TagChange) -> bool:
        """As `TaggedResource`. Errors: those of the change."""
        while (record := self._find_versioned(caller, arn)) is not None:
            tagged = msgspec.structs.replace(record.value, tags=change(record.value.tags))
            try:
                await self._configs.update(_key(tagged), tagged, revision=record.revision)
            except RecordConflict:
                continue
            return True
        return False

    async def forget(self, reference: FunctionReference) -> None:
        """As `FunctionDependent` says. Versions have no configuration of their own."""
        if reference.qualifier is None:
            await self._attachments.delete(_function_key(reference))

    def _check_code(self, config: CodeSigningConfig, reference: FunctionReference, *, shown_as: str) -> None:
        if config.policy is UntrustedArtifactPolicy.ENFORCE:
            raise CodeNotVerified(shown_as)
        _log.warning("code that is not signed by a publisher of %s is deployed to %s", config.arn, reference.function_arn)

    def _check_function(self, reference: FunctionReference) -> None:
        function = self._functions.get_version(FunctionReference(reference.scope, reference.name))
        if function.package_type == "Image":
            raise ImageNotSignable

    def _find_versioned(self, scope: Scope, arn: str) -> Versioned[CodeSigningConfig] | None:
        record = self._configs.get_versioned((scope.account_id, scope.region, arn.rpartition(":")[2]))
        return None if record is None or record.value.arn != arn else record

    def _get_versioned(self, scope: Scope, arn: str) -> Versioned[CodeSigningConfig]:
        record = self._find_versioned(scope, arn)
        if record is None:
            raise CodeSigningConfigNotFound(arn)
        return record

    async def _write(self, config: CodeSigningConfig, revision: int) -> None:
        try:
            await self._configs.update(_key(config), config, revision=revision)
        except RecordConflict as error:
            raise CodeSigningConfigChanged(config.arn) from error


def _key(config: CodeSigningConfig) -> tuple[str, ...]:
    return config.scope.account_id, config.scope.region, config.config_id


def _function_key(reference: FunctionReference) -> tuple[str, ...]:
    return reference.scope.account_id, reference.scope.region, reference.name
