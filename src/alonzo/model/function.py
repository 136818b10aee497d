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
LATEST_PUBLISHED = "$LATEST.PUBLISHED"
"""The one version that is published again and again. Source: botocore shape `FunctionVersionLatestPublished`."""
ACTIVE_TRACING, PASS_THROUGH_TRACING = "Active", "PassThrough"
"""Source: botocore shape `TracingMode`."""


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
    """A deployment package: a zip archive in the blob store, or a container image in a registry.

    `sha256` (lower-case hex) names the bytes of the archive; of an image it is the digest. An image has no size.
    """

    sha256: str
    size_bytes: int
    image_uri: str | None = None
    """Of an image: what the function was created with, `registry/repository:tag`."""

    @property
    def sha256_base64(self) -> str:
        """As AWS shows it of archives."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()

    @property
    def shown_sha256(self) -> str:
        """As AWS shows it of functions (`CodeSha256`): base64 for archives, hex for images."""
        return self.sha256_base64 if self.image_uri is None else self.sha256


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
    direct_s3_read: str | None = None
    """Of an S3 file system. Source: botocore shape `DirectS3Read`."""


class ImageConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What overrides the settings of a container image; None leaves the image's own."""

    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    working_directory: str | None = None


class DurableConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How long the executions of a durable function may take, and how long their history is kept."""

    execution_timeout_seconds: int
    retention_days: int = quotas.DURABLE_RETENTION_DEFAULT_DAYS
    kms_key_arn: str | None = None


class CapacityProviderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The capacity provider on whose instances a function runs; None leaves the choice to the provider."""

    capacity_provider_arn: str
    environment_max_concurrency: int | None = None
    memory_gib_per_vcpu: float | None = None


class CustomRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """A runtime that an account manages itself, and the alias of the version that is meant."""

    arn: str
    alias: str


class FunctionLayer(msgspec.Struct, frozen=True):
    """A layer version as a function has it: all that it needs of it, so that it goes on working when the layer version is deleted."""

    arn: str
    package: CodePackage | None
    """None: of AWS's extension for Lambda Insights, whose part the node does itself."""
    unzipped_bytes: int

    @property
    def size_bytes(self) -> int:
        """Of the archive."""
        return 0 if self.package is None else self.package.size_bytes


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
    layers: tuple[FunctionLayer, ...] = ()
    """In the order in which they are laid over each other at /opt."""
    vpc_config: VpcConfig | None = None
    dead_letter_target_arn: str | None = None
    kms_key_arn: str | None = None
    tracing_mode: str = PASS_THROUGH_TRACING
    file_systems: tuple[FileSystemMount, ...] = ()
    logging: LoggingConfig
    snap_start_apply_on: str = "None"
    image_config: ImageConfig | None = None
    tenant_isolation_mode: str | None = None
    durable: DurableConfig | None = None
    capacity_provider: CapacityProviderConfig | None = None
    custom_runtime: CustomRuntime | None = None
    accelerator_memory_gb: int | None = None
    source_kms_key_arn: str | None = None
    """The key with which the caller encrypted the archive."""
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
    publishing: "FunctionVersion | None" = None
    """Of `$LATEST`: the version that is published already, but may have no record of its own yet. See `functions/publication.py`."""
    latest_description: str | None = None
    """Of a published version: the description that `$LATEST` had then; its own may be another."""
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
    def layer_packages(self) -> tuple[str, ...]:
        """The SHA-256 of its layers' packages, in order."""
        return tuple(layer.package.sha256 for layer in self.layers if layer.package is not None)

    @property
    def has_insights_layer(self) -> bool:
        """Whether it has AWS's extension for Lambda Insights."""
        return any(layer.package is None for layer in self.layers)

    @property
    def function_arn(self) -> str:
        """The unqualified ARN."""
        return names.function_arn(self.scope, self.name)

    @property
    def qualified_arn(self) -> str:
        """The ARN with this version as qualifier."""
        return f"{self.function_arn}:{self.version}"

    @property
    def uses_snap_start(self) -> bool:
        """Whether its environments are restored from a snapshot instead of initialized: published versions only."""
        return self.snap_start_apply_on != "None" and self.version != LATEST and self.capacity_provider is None

    def runs_as(self, other: "FunctionVersion") -> bool:
        """Whether environments of the one serve the other: nobody has changed code or configuration in between.

        Publishing, permissions and states give a function new revisions, too, but change nothing of what runs.
        """
        return self.last_modified_unix_ms == other.last_modified_unix_ms and self.code == other.code

    @property
    def awaits_activation(self) -> bool:
        """Whether its creation or its last change is still being carried out."""
        return self.state is State.PENDING or self.last_update_status is LastUpdateStatus.IN_PROGRESS
