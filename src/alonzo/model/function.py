"""A function's versions: what they are made of and in which state they are.

`FunctionVersion` is one record: `$LATEST` changes, published versions never do (but for their state).
Its fields mirror botocore's `FunctionConfiguration`, with our own names and units.
"""

import base64
from enum import StrEnum

import msgspec

from alonzo.model import names, quotas
from alonzo.model.scope import Scope

LATEST = "$LATEST"


class State(StrEnum):
    """The life cycle of a function version. Source: botocore shape `State`."""

    PENDING = "Pending"
    ACTIVE = "Active"
    INACTIVE = "Inactive"
    FAILED = "Failed"


class LastUpdateStatus(StrEnum):
    """How the last change of a function went. Source: botocore shape `LastUpdateStatus`."""

    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    IN_PROGRESS = "InProgress"


class LogFormat(StrEnum):
    """How the platform and the runtime write log lines. Source: botocore shape `LogFormat`."""

    TEXT = "Text"
    JSON = "JSON"


class CodePackage(msgspec.Struct, frozen=True):
    """A deployment package: a zip archive in the blob store, named by the SHA-256 of its bytes (lower-case hex)."""

    sha256: str
    size_bytes: int

    @property
    def sha256_base64(self) -> str:
        """As AWS shows it (`CodeSha256`)."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


class LoggingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Format, levels and log group of a function's logs. The levels are set only with the JSON format."""

    log_group: str
    format: LogFormat = LogFormat.TEXT
    application_level: str | None = None
    system_level: str | None = None


class VpcConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Recorded and given back; environments are not attached to any VPC."""

    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    ipv6_allowed_for_dual_stack: bool = False


class FileSystemMount(msgspec.Struct, frozen=True):
    """An access point of a network file system and the path where functions see it."""

    arn: str
    local_mount_path: str


class FunctionVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a function, complete: configuration, code and state."""

    scope: Scope
    name: str
    version: str = LATEST
    description: str = ""
    runtime: str | None
    handler: str | None
    role: str
    package_type: str = "Zip"
    architectures: tuple[str, ...] = ("x86_64",)
    code: CodePackage
    timeout_seconds: int = quotas.TIMEOUT_DEFAULT_SECONDS
    memory_mib: int = quotas.MEMORY_DEFAULT_MIB
    ephemeral_storage_mib: int = quotas.EPHEMERAL_STORAGE_MIN_MIB
    environment_variables: dict[str, str] | None = None
    layers: tuple[str, ...] = ()
    vpc_config: VpcConfig | None = None
    dead_letter_target_arn: str | None = None
    kms_key_arn: str | None = None
    tracing_mode: str = "PassThrough"
    file_systems: tuple[FileSystemMount, ...] = ()
    logging: LoggingConfig
    snap_start_apply_on: str = "None"
    state: State = State.PENDING
    state_reason: str | None = None
    state_reason_code: str | None = None
    last_update_status: LastUpdateStatus | None = None
    last_update_status_reason: str | None = None
    last_update_status_reason_code: str | None = None
    last_modified_unix_ms: int
    revision_id: str
    superseded: "FunctionVersion | None" = None
    """While an update is in progress: the version before it, which goes on running, and stays if the update fails."""
    runtime_version_arn: str | None
    tags: dict[str, str] = {}
    """Of the whole function; kept with `$LATEST` only."""
    published_count: int = 0
    """How many versions were ever published: numbers are not given twice. Kept with `$LATEST` only."""

    @property
    def runnable(self) -> "FunctionVersion":
        """What is invoked: while an update is in progress, the version as it was before."""
        return self if self.superseded is None else self.superseded

    @property
    def function_arn(self) -> str:
        """The unqualified ARN."""
        return names.function_arn(self.scope, self.name)

    @property
    def qualified_arn(self) -> str:
        """The ARN with this version as qualifier."""
        return f"{self.function_arn}:{self.version}"

    @property
    def awaits_activation(self) -> bool:
        """Whether its creation or its last change is still being carried out."""
        return self.state is State.PENDING or self.last_update_status is LastUpdateStatus.IN_PROGRESS
