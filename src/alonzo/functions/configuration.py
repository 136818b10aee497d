"""What a request says of a function's configuration, and what the configuration is afterwards.

A new function is a change of the defaults, an update a change of what there is: the rules are the same.
Pure; `validation.py` says what may be, `registry.py` writes it down.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from alonzo.functions.errors import InvalidParameter
from alonzo.model.function import (
    CapacityProviderConfig,
    CustomRuntime,
    DurableConfig,
    FileSystemMount,
    FunctionVersion,
    ImageConfig,
    LogFormat,
    LoggingConfig,
    VpcConfig,
)
from alonzo.model.scope import Scope

DEFAULT_LOG_LEVEL = "INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingChange:
    """None leaves a field as it is; changing the format resets the levels."""

    format: LogFormat | None = None
    application_level: str | None = None
    system_level: str | None = None
    log_group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableChange:
    """None leaves a field as it is; a function that becomes durable needs `execution_timeout_seconds`."""

    execution_timeout_seconds: int | None = None
    retention_days: int | None = None
    kms_key_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChange:
    """The fields of `FunctionVersion` that a request sets. None leaves a field as it is; empty texts and tuples clear it."""

    description: str | None = None
    runtime: str | None = None
    handler: str | None = None
    role: str | None = None
    timeout_seconds: int | None = None
    memory_mib: int | None = None
    ephemeral_storage_mib: int | None = None
    environment_variables: dict[str, str] | None = None
    layers: tuple[str, ...] | None = None
    """ARNs, by which the registry finds the layer versions."""
    vpc_config: VpcConfig | None = None
    dead_letter_target_arn: str | None = None
    kms_key_arn: str | None = None
    tracing_mode: str | None = None
    file_systems: tuple[FileSystemMount, ...] | None = None
    snap_start_apply_on: str | None = None
    image_config: ImageConfig | None = None
    tenant_isolation_mode: str | None = None
    capacity_provider: CapacityProviderConfig | None = None
    custom_runtime: CustomRuntime | None = None
    accelerator_memory_gb: int | None = None
    logging: LoggingChange | None = None
    durable: DurableChange | None = None


_PLAIN_FIELDS = tuple(name for name in ConfigurationChange.__slots__ if name not in ("layers", "logging", "durable"))
_NO_IMAGE_CONFIG = ImageConfig()
_CLEARED_BY_EMPTY_TEXT = frozenset({"dead_letter_target_arn", "kms_key_arn"})


def apply_change(version: FunctionVersion, change: ConfigurationChange) -> FunctionVersion:
    """The version as the change makes it; layers, state, revision and dates are untouched. `InvalidParameter` for what is no change."""
    fields: dict[str, Any] = {}
    for name in _PLAIN_FIELDS:
        value = getattr(change, name)
        if value is not None:
            fields[name] = None if name in _CLEARED_BY_EMPTY_TEXT and value == "" else value
    if change.runtime is not None:
        fields["runtime_version_arn"] = runtime_version_arn(version.scope, change.runtime)
    if change.logging is not None:
        fields["logging"] = _changed_logging(version.logging, change.logging)
    if (change.capacity_provider or version.capacity_provider) is not None:
        fields["logging"] = _structured_logging(fields.get("logging", version.logging), change.logging)
    if change.durable is not None:
        fields["durable"] = _changed_durable(version.durable, change.durable)
    if change.image_config == _NO_IMAGE_CONFIG:
        fields["image_config"] = None
    return msgspec.structs.replace(version, **fields)


def default_log_group(function_name: str) -> str:
    """Where a function logs unless it is told otherwise."""
    return f"/aws/lambda/{function_name}"


def runtime_version_arn(scope: Scope, runtime: str) -> str:
    """Names the version of a runtime. AWS's are digests that change with its patches; ours is one of the identifier's, so it is stable."""
    return f"arn:{scope.partition}:lambda:{scope.region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"


def same_configuration(one: FunctionVersion, other: FunctionVersion) -> bool:
    """Whether publishing `one` would give what `other` is already: code and configuration, but for what only a version has."""
    return _comparable(one) == _comparable(other)


def _comparable(version: FunctionVersion) -> FunctionVersion:
    blank: dict[str, Any] = dict.fromkeys(("state_reason", "state_reason_code", "last_update_status"))
    blank |= dict.fromkeys(("last_update_status_reason", "last_update_status_reason_code"))
    blank |= {
        "version": "",
        "description": "",
        "revision_id": "",
        "last_modified_unix_ms": 0,
        "state": "",
        "tags": {},
        "published_count": 0,
    }
    return msgspec.structs.replace(version, **blank)


def _changed_logging(logging: LoggingConfig, change: LoggingChange) -> LoggingConfig:
    log_format = change.format or logging.format
    log_group = change.log_group or logging.log_group
    if log_format is LogFormat.TEXT:
        return LoggingConfig(log_group=log_group)
    return LoggingConfig(
        log_group=log_group,
        format=log_format,
        application_level=change.application_level or logging.application_level or DEFAULT_LOG_LEVEL,
        system_level=change.system_level or logging.system_level or DEFAULT_LOG_LEVEL,
    )


def _structured_logging(logging: LoggingConfig, change: LoggingChange | None) -> LoggingConfig:
    """On a capacity provider logs are JSON, unless somebody asks for text: that is refused, see `validation`.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html ("Managed Instances only support JSON log format").
    """
    if logging.format is LogFormat.JSON or (change is not None and change.format is LogFormat.TEXT):
        return logging
    return _changed_logging(logging, LoggingChange(format=LogFormat.JSON))


def _changed_durable(durable: DurableConfig | None, change: DurableChange) -> DurableConfig:
    timeout_seconds = change.execution_timeout_seconds or (durable.execution_timeout_seconds if durable else None)
    if timeout_seconds is None:
        # Required: https://docs.aws.amazon.com/lambda/latest/dg/durable-configuration.html; the words are ours.
        raise InvalidParameter("ExecutionTimeout is required in DurableConfig.")
    known = durable or DurableConfig(execution_timeout_seconds=timeout_seconds)
    return DurableConfig(
        execution_timeout_seconds=timeout_seconds,
        retention_days=change.retention_days or known.retention_days,
        kms_key_arn=known.kms_key_arn if change.kms_key_arn is None else change.kms_key_arn or None,
    )
