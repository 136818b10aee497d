"""Code signing configurations: who may sign the code of functions, and what happens to code that nobody of them has signed."""

from enum import StrEnum

import msgspec

from alonzo.model.scope import Scope


class UntrustedArtifactPolicy(StrEnum):
    """What is done with code whose signature is not one of the allowed. Source: botocore shape `CodeSigningPolicy`."""

    WARN = "Warn"
    ENFORCE = "Enforce"


class CodeSigningConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One record. `signing_profile_version_arns` are the allowed publishers; nobody here knows whether they exist."""

    scope: Scope
    config_id: str
    description: str = ""
    signing_profile_version_arns: tuple[str, ...]
    policy: UntrustedArtifactPolicy = UntrustedArtifactPolicy.WARN
    last_modified_unix_ms: int
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """As clients name it."""
        return f"arn:{self.scope.partition}:lambda:{self.scope.region}:{self.scope.account_id}:code-signing-config:{self.config_id}"


class FunctionCodeSigning(msgspec.Struct, frozen=True):
    """Which configuration a function has; one record for each function that has one."""

    scope: Scope
    function_name: str
    config_arn: str
